//! The gRPC server: all services of a node, health and reflection on one address.

use std::sync::Arc;
use std::time::Duration;

use rejoin_api::FILE_DESCRIPTOR_SET;
use rejoin_api::proto::admin_service_server::AdminServiceServer;
use rejoin_api::proto::conflict_service_server::ConflictServiceServer;
use rejoin_api::proto::database_service_server::DatabaseServiceServer;
use rejoin_api::proto::document_service_server::DocumentServiceServer;
use rejoin_api::proto::sync_service_server::SyncServiceServer;
use tonic::codec::CompressionEncoding::Zstd;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::server::HealthReporter;

use super::access_layer::AccessLayer;
use super::admin::AdminApi;
use super::call_layer::CallLayer;
use super::conflict::ConflictApi;
use super::database::DatabaseApi;
use super::document::DocumentApi;
use super::gate::GateLayer;
use super::guarded::Guarded;
use super::sync::SyncApi;
use crate::links::Incoming;
use crate::metrics::Metrics;
use crate::node::{NodeContext, StartError};

/// HTTP/2 flow control: how much a client may send before its call is looked at.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// What a peer asks for is small beside what it is given: its greeting names each database with a line for each replica.
const PULL_REQUEST_BYTES_MAX: usize = 32 << 20;

/// Serves one node.
pub(crate) struct GrpcServer {
    context: NodeContext,
    routes: Routes,
    health: HealthReporter,
    metrics: Metrics,
}

impl GrpcServer {
    /// All services over `context`; what links are answered may have `link_bytes_max` bytes in a message.
    ///
    /// # Errors
    ///
    /// The descriptors that reflection serves are damaged.
    pub(crate) fn new(context: NodeContext, metrics: Metrics, link_bytes_max: usize) -> Result<Self, StartError> {
        let (health, health_service) = tonic_health::server::health_reporter();
        let descriptors = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes
            .add_service(health_service)
            .add_service(descriptors().build_v1()?)
            .add_service(descriptors().build_v1alpha()?);
        add_services(&mut routes, &context, link_bytes_max);
        Ok(Self {
            context,
            routes: routes.routes(),
            health,
            metrics,
        })
    }

    /// Serves `incoming` until the node stops, and then until the calls that it has accepted are answered.
    pub(crate) async fn run(self, incoming: Incoming) {
        let Self {
            context,
            routes,
            health,
            metrics,
        } = self;
        announce(&health, true).await;
        let grpc = context.settings.now().grpc.clone();
        let server = Server::builder()
            .layer(CallLayer(metrics))
            .layer(GateLayer(context.gate()))
            .layer(AccessLayer(Arc::new(context.clone())))
            .http2_keepalive_interval(Some(Duration::from_millis(grpc.keepalive_interval_ms)))
            .http2_keepalive_timeout(Some(Duration::from_millis(grpc.keepalive_timeout_ms)))
            .max_concurrent_streams(grpc.streams_per_connection_max)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .add_routes(routes);
        let stop = context.stop.clone();
        let stopping = async move {
            stop.cancelled().await;
            announce(&health, false).await;
        };
        if let Err(error) = server.serve_with_incoming_shutdown(incoming, stopping).await {
            tracing::error!(%error, "the server ended");
        }
    }
}

fn add_services(routes: &mut tonic::service::RoutesBuilder, context: &NodeContext, link_bytes_max: usize) {
    // A compare-and-swap carries two bodies.
    let bodies = context.limits().body_bytes_max.saturating_mul(2);
    let message_bytes_max = bodies.saturating_add(context.settings.now().grpc.message_overhead_bytes);
    let documents = DocumentServiceServer::new(Guarded(DocumentApi::new(context.clone())))
        .accept_compressed(Zstd)
        .send_compressed(Zstd)
        .max_decoding_message_size(message_bytes_max)
        // A page is not bounded by the size of one body.
        .max_encoding_message_size(usize::MAX);
    let conflicts = ConflictServiceServer::new(Guarded(ConflictApi::new(context.clone())))
        .accept_compressed(Zstd)
        .send_compressed(Zstd)
        .max_decoding_message_size(message_bytes_max)
        .max_encoding_message_size(usize::MAX);
    let databases = DatabaseServiceServer::new(Guarded(DatabaseApi::new(context.clone())))
        .accept_compressed(Zstd)
        .send_compressed(Zstd);
    let admin = AdminServiceServer::new(Guarded(AdminApi::new(context.clone())))
        .accept_compressed(Zstd)
        .send_compressed(Zstd);
    let sync = SyncServiceServer::new(SyncApi::new(context.clone()))
        .accept_compressed(Zstd)
        .send_compressed(Zstd)
        .max_decoding_message_size(PULL_REQUEST_BYTES_MAX)
        .max_encoding_message_size(link_bytes_max);
    routes
        .add_service(documents)
        .add_service(conflicts)
        .add_service(databases)
        .add_service(admin)
        .add_service(sync);
}

/// Tells health checks whether the node takes calls: for the whole server ("") and for each service.
async fn announce(health: &HealthReporter, serving: bool) {
    let status = if serving {
        tonic_health::ServingStatus::Serving
    } else {
        tonic_health::ServingStatus::NotServing
    };
    let services = [
        "",
        "rejoin.v1.DocumentService",
        "rejoin.v1.ConflictService",
        "rejoin.v1.DatabaseService",
        "rejoin.v1.AdminService",
        "rejoin.v1.SyncService",
    ];
    for service in services {
        health.set_service_status(service, status).await;
    }
}
