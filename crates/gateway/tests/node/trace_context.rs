//! A trace goes from the client through the commit to the reply, over gRPC, HTTP and the Rust client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanProcessor};
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::proto::{CreateDocumentRequest, GetDocumentRequest};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use crate::common::{client, database, eventually, free_address, text};
use crate::partition_figures::Exporting;
use crate::telemetry::{Received, messages, start_collector};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A node that exports its spans, with a database `things`.
struct Traced {
    _node: Exporting,
    address: SocketAddr,
    http: SocketAddr,
    spans: Received,
    _data: TempDir,
}

impl Traced {
    async fn start() -> Self {
        let (collector, spans, _figures) = start_collector();
        let (address, http, data) = (free_address(), free_address(), tempfile::tempdir().unwrap());
        let absent = ("dc-west", free_address());
        let more = ["--http", &http.to_string()].map(str::to_owned);
        let more = more.each_ref().map(String::as_str);
        let node = Exporting::start_with("dc-east", address, absent, &data, collector, &more);
        let client = client(address);
        eventually("the node answers", async || client.status().await.is_ok()).await;
        client.create_database(&database("things", &[])).await.unwrap();
        Self {
            _node: node,
            address,
            http,
            spans,
            _data: data,
        }
    }

    async fn documents(&self) -> DocumentServiceClient<Channel> {
        DocumentServiceClient::connect(format!("http://{}", self.address))
            .await
            .unwrap()
    }

    /// All spans that were exported, by their ids.
    fn spans(&self) -> BTreeMap<String, Span> {
        let exports = messages::<ExportTraceServiceRequest>(&self.spans).into_iter();
        let scopes = exports
            .flat_map(|export| export.resource_spans)
            .flat_map(|of| of.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        spans.map(|span| (hex(&span.span_id), span)).collect()
    }

    /// The one span of this name below `parent`, once it is exported.
    async fn child(&self, parent: &str, name: &str) -> (String, Span) {
        let find = || {
            let mut spans = self.spans().into_iter();
            spans.find(|(_, span)| hex(&span.parent_span_id) == parent && span.name == name)
        };
        eventually(&format!("{name} is exported"), async || find().is_some()).await;
        find().unwrap()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request with a `traceparent`, and `tracestate` as another vendor may have set it.
fn traced<T>(message: T, trace: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", format!("00-{trace}-{PARENT}-01").parse().unwrap());
    metadata.insert("tracestate", "vendor=1".parse().unwrap());
    request
}

/// The trace and the span that an answer names.
fn named(metadata: &MetadataMap) -> (String, String) {
    let text = metadata
        .get("traceparent")
        .expect("the answer names its span")
        .to_str()
        .unwrap();
    let parts: Vec<&str> = text.split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[3]), (4, "00", "01"), "{text}");
    (parts[1].to_owned(), parts[2].to_owned())
}

fn create(id: &str) -> CreateDocumentRequest {
    CreateDocumentRequest {
        database: "things".to_owned(),
        id: id.to_owned(),
        body: text("{}"),
        ..CreateDocumentRequest::default()
    }
}

fn get(id: &str) -> GetDocumentRequest {
    GetDocumentRequest {
        database: "things".to_owned(),
        id: id.to_owned(),
        ..GetDocumentRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_client_through_the_commit_to_the_reply() {
    let node = Traced::start().await;
    let mut documents = node.documents().await;
    let reply = documents.create_document(traced(create("a"), TRACE)).await.unwrap();
    let (trace, call) = named(reply.metadata());
    assert_eq!(trace, TRACE);

    let (id, span) = node.child(PARENT, "rejoin.v1.DocumentService/CreateDocument").await;
    assert_eq!(id, call, "the reply names the span of its call");
    assert_eq!(
        (span.kind, span.trace_state.as_str()),
        (2, "vendor=1"),
        "a span of a server"
    );
    let (method, span) = node.child(&call, "create_document").await;
    assert_eq!(hex(&span.trace_id), TRACE);
    let (commit, span) = node.child(&method, "commit").await;
    assert_eq!(hex(&span.trace_id), TRACE);
    let group = hex(&span.links[0].span_id);
    eventually("the group is exported", async || node.spans().contains_key(&group)).await;
    let group = node.spans().remove(&group).unwrap();
    assert_eq!((group.name.as_str(), group.parent_span_id.len()), ("commit_group", 0));
    // The node may have committed something of its own with it.
    let link = group.links.iter().find(|link| hex(&link.span_id) == commit);
    assert_eq!(hex(&link.expect("a link to the commit").trace_id), TRACE);

    let refused = documents.get_document(traced(get("none"), TRACE)).await.unwrap_err();
    assert_eq!(named(refused.metadata()).0, TRACE, "a refusal names its span as well");
    let mut odd = tonic::Request::new(get("a"));
    odd.metadata_mut()
        .insert("traceparent", "00-nonsense-01".parse().unwrap());
    let answered = documents.get_document(odd).await.unwrap();
    assert_ne!(named(answered.metadata()).0, TRACE, "what is no trace begins a new one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_share_a_sync_are_linked_and_each_stays_in_its_own_trace() {
    const WRITES: usize = 24;
    let node = Traced::start().await;
    let documents = node.documents().await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..WRITES {
        let mut documents = documents.clone();
        calls.spawn(async move {
            let trace = format!("{:032x}", number + 1);
            let reply = documents
                .create_document(traced(create(&format!("d{number}")), &trace))
                .await;
            let (named, call) = named(reply.unwrap().metadata());
            assert_eq!(named, trace);
            call
        });
    }
    let mut linked = Vec::new();
    for call in calls.join_all().await {
        let (method, _) = node.child(&call, "create_document").await;
        let (commit, span) = node.child(&method, "commit").await;
        assert_eq!(span.links.len(), 1, "one group has committed it");
        linked.push((commit, hex(&span.links[0].span_id)));
    }
    for (commit, group) in linked {
        eventually("its group is exported", async || node.spans().contains_key(&group)).await;
        let group = node.spans().remove(&group).unwrap();
        assert_eq!(group.name, "commit_group");
        assert!(group.links.iter().any(|link| hex(&link.span_id) == commit), "{group:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_on_over_http() {
    let node = Traced::start().await;
    let asking = async {
        let mut stream = tokio::net::TcpStream::connect(node.http).await.unwrap();
        let request = format!(
            "PUT /things/h HTTP/1.1\r\nHost: {}\r\nConnection: close\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\nContent-Length: 2\r\n\r\n{{}}",
            node.http
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (call, span) = node.child(PARENT, "PUT").await;
    assert_eq!((hex(&span.trace_id).as_str(), span.kind), (TRACE, 2));
    assert!(
        answer.contains(&format!("traceparent: 00-{TRACE}-{call}-01")),
        "{answer}"
    );
    node.child(&call, "commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_exports_nothing_names_no_span() {
    let (address, data) = (free_address(), tempfile::tempdir().unwrap());
    let process = std::process::Command::new(env!("CARGO_BIN_EXE_rejoin"))
        .args([
            "serve",
            "--datacenter",
            "dc-east",
            "--grpc",
            &address.to_string(),
            "--data",
        ])
        .arg(data.path())
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    let _node = Exporting(process.unwrap());
    let client = client(address);
    eventually("the node answers", async || client.status().await.is_ok()).await;
    let mut documents = DocumentServiceClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let refused = documents.get_document(traced(get("a"), TRACE)).await.unwrap_err();
    assert!(refused.metadata().get("traceparent").is_none(), "{refused:?}");
}

/// Keeps the spans that ended in this process.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[tokio::test]
async fn the_rust_client_goes_on_with_the_span_of_its_user() {
    let node = Traced::start().await;
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_span_processor(kept.clone()).build();
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("user"));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let client = client(node.address);
    let user = tracing::info_span!("work of the user");
    let creating = client.create("things", "c", text("{}"));
    creating.instrument(user.clone()).await.unwrap();
    let user = user.context().span().span_context().clone();
    let own = {
        let kept = kept.0.lock().unwrap();
        let own = kept
            .iter()
            .find(|span| span.name == "CreateDocument")
            .expect("the call is a span");
        assert_eq!(own.parent_span_id, user.span_id());
        own.span_context.clone()
    };
    let (_, span) = node
        .child(&own.span_id().to_string(), "rejoin.v1.DocumentService/CreateDocument")
        .await;
    assert_eq!(hex(&span.trace_id), user.trace_id().to_string());

    client.get("things", "c").await.unwrap();
    let kept = kept.0.lock().unwrap();
    assert!(
        kept.iter().all(|span| span.name != "GetDocument"),
        "who traces nothing gets no span"
    );
}
