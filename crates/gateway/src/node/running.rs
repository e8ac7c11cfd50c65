//! A node while it runs: started as a whole, stopped in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rejoin_store::{CommitQueue, Store, StoreError};
use rejoin_tls::Interface as Served;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::disk::tuning;
use super::peers::Dialling;
use super::{
    Commits, LiveSettings, NodeContext, Peers, StartError, TaskEnd, ViewIndexes, Vital, VitalTaskFailed, cleaning,
    peers, purging, sampling, view_indexes,
};
use crate::access::{self, Access, Limiter, Shares, TOLD_MAX};
use crate::clock::{LinkClock, WallClock};
use crate::config::{ConfigError, Plan, Reload};
use crate::grpc::GrpcServer;
use crate::http::HttpServer;
use crate::links::{Incoming, LinkEnd, Port, Transport, link_options};
use crate::metrics::Metrics;
use crate::tls::{self, NodeTls, Notices};

/// Bytes of one message between nodes: a batch that is just below its bound, the largest state that travels, and what is around them.
const LINK_MESSAGE_BYTES_MAX: usize = 328 << 20;

/// Calls that wait for another datacenter at one time.
const WAITING_MAX: usize = 4096;

/// How long the answers of a node that has failed may take to go out, before it ends whatever it is doing.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// What a node is made of; a simulation hands in its own.
pub struct Parts {
    /// The open store.
    pub store: Store,
    /// The queue of the store; without one writes are committed inline.
    pub queue: Option<CommitQueue>,
    /// How to dial peers.
    pub transport: Arc<dyn Transport>,
    /// Connections of clients and peers, and the address that was bound.
    pub listening: (SocketAddr, Incoming),
    /// The same for HTTP, on any number of addresses.
    pub http: Vec<(SocketAddr, Incoming)>,
    /// The node's certificates; without them everything is in plain text.
    pub tls: Option<NodeTls>,
    /// The wall clock.
    pub wall: WallClock,
    /// Where randomness begins: names of streams and the spread of reconnects.
    pub seed: u64,
}

/// A running node. Dropping it stops nothing; see [`Node::shutdown`].
pub struct Node {
    context: NodeContext,
    queue: Option<CommitQueue>,
    address: SocketAddr,
    http_addresses: Vec<SocketAddr>,
}

impl Node {
    /// Starts a node: when this returns, it serves and dials its peers.
    ///
    /// # Errors
    ///
    /// The server cannot be built, or the file of users cannot be used.
    pub fn start(plan: &Plan, parts: Parts) -> Result<Self, StartError> {
        let Parts {
            store,
            queue,
            transport,
            listening: (address, incoming),
            http,
            tls,
            wall,
            seed,
        } = parts;
        let metrics = Metrics::new();
        let access = Access::open(&plan.settings.access.users)?;
        let limiter = Limiter::new(&plan.settings.limits, &plan.settings.commit);
        let commits = match &queue {
            Some(queue) => Commits::queued(queue.committer(), limiter.clone(), metrics.clone()),
            None => Commits::inline(store.clone(), metrics.clone()),
        };
        let hub = Arc::new(peers::hub(plan, &store));
        let port = Port::new(store.clone(), commits.clone(), Arc::clone(&hub), metrics.clone(), wall);
        let settings = &plan.settings;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let vital = Vital::new(tasks.clone(), stop.clone());
        let links = LinkEnd {
            hub,
            port,
            options: link_options(&settings.links),
            clock: LinkClock::new(wall),
            vital: vital.clone(),
            notices: Notices::default(),
        };
        let dialling = Dialling {
            transport,
            message_bytes_max: LINK_MESSAGE_BYTES_MAX,
            seed,
        };
        let peers = Peers::new(plan, dialling, &links, tls.as_ref(), (&store, &stop));
        let context = NodeContext {
            peers: Arc::new(peers),
            views: Arc::new(ViewIndexes::new(&store)),
            store,
            commits,
            links,
            access,
            limiter,
            tls,
            settings: LiveSettings::new(settings.clone()),
            sessions: Arc::new(Semaphore::new(settings.links.sessions_max)),
            bodies: Arc::new(Semaphore::new(settings.http.bodies_bytes_max)),
            answers: Arc::new(Semaphore::new(settings.http.answers_bytes_max)),
            feeds: Arc::new(Semaphore::new(settings.http.feeds_max)),
            compacting: Arc::new(Semaphore::new(1)),
            backing_up: Arc::new(Semaphore::new(1)),
            exports: Arc::new(Semaphore::new(settings.grpc.exports_max)),
            watches: Arc::new(Semaphore::new(settings.grpc.watches_max)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            stop,
            tasks,
            vital,
        };
        start_grpc(&context, incoming, &metrics)?;
        let http_addresses = start_http(settings.http.connections_max, &context, http);
        context.peers.begin_all();
        start_background(&context, metrics);
        Ok(Self {
            context,
            queue,
            address,
            http_addresses,
        })
    }

    /// The address that clients and peers reach the node at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The addresses at which HTTP is served.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.http_addresses
    }

    /// The node's certificates, if it has any.
    pub fn tls(&self) -> Option<&NodeTls> {
        self.context.tls.as_ref()
    }

    /// The store, for those who look at a node from inside.
    pub fn store(&self) -> &Store {
        &self.context.store
    }

    /// Puts the settings of `plan`, which were checked as a whole, in the place of those in force, as far as they can change in a running node, and the
    /// users of the file in the place of those before.
    ///
    /// # Errors
    ///
    /// A setting holds a number that TOML has no place for, or the file of users makes no sense. Nothing was changed.
    pub fn reload(&self, plan: &Plan) -> Result<Reload, ConfigError> {
        let reload = Reload::new(&self.context.settings.now(), &plan.settings)?;
        if let Some(users) = self.context.access.read()? {
            self.context.access.put(&users);
            tracing::info!(users = users.users.len(), "the users of the file are in force");
        }
        self.context.store.tune(tuning(&reload.settings));
        self.context.settings.put(reload.settings.clone());
        Ok(reload)
    }

    /// Stops in order: takes no more connections, lets the calls end that it has accepted (for a bounded time), commits
    /// what was queued, and marks the directory as shut down cleanly.
    ///
    /// # Errors
    ///
    /// The mark was not written. Nothing that was acknowledged is lost; the next start takes this one for a crash.
    pub async fn shutdown(self) -> Result<(), StoreError> {
        let timeout = Duration::from_millis(self.context.settings.now().node.shutdown_timeout_ms);
        match self.wind_down(timeout).await {
            Ok(closed) => closed,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Waits until a task has failed without which the node is none; for ever, if none does. Whoever runs the node must then [`Node::abandon`] it, and
    /// end the process. May be dropped at any time.
    pub async fn failed(&self) -> VitalTaskFailed {
        let died = async {
            match &self.queue {
                Some(queue) => queue.died().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = died => VitalTaskFailed {
                task: "commit pipeline".to_owned(),
                how: TaskEnd::Panicked,
            },
            failed = self.context.vital.failed() => failed,
        }
    }

    /// Ends a node that has failed: those who wait for it are answered, as far as that takes no time, and all else is left as it is. A
    /// store whose pipeline lives is closed in order; else the next start finds what a crash leaves.
    pub async fn abandon(self) {
        let ending = self.wind_down(LAST_ANSWERS);
        if tokio::time::timeout(2 * LAST_ANSWERS, ending).await.is_err() {
            tracing::warn!("the commits that were under way are left as they are");
        }
    }

    /// Stops, and closes the store if the commit pipeline lives: else the error is its panic.
    async fn wind_down(self, calls_timeout: Duration) -> Result<Result<(), StoreError>, JoinError> {
        let Self { context, queue, .. } = self;
        context.stop.cancel();
        context.tasks.close();
        if tokio::time::timeout(calls_timeout, context.tasks.wait()).await.is_err() {
            tracing::warn!(
                tasks = context.tasks.len(),
                "stopping although not all calls have ended"
            );
        }
        match queue {
            // Joins a thread: only a simulation, which has no queue, must not block.
            Some(queue) => tokio::task::spawn_blocking(move || queue.shutdown()).await,
            None => Ok(context.store.close()),
        }
    }
}

/// What comes in on a listener, once it is known who it is.
fn secured(context: &NodeContext, incoming: Incoming, served: Served) -> Incoming {
    tls::listen(incoming, context.tls.as_ref(), served, &context.links.notices)
}

/// Serves gRPC.
///
/// # Errors
///
/// The server cannot be built.
fn start_grpc(context: &NodeContext, incoming: Incoming, metrics: &Metrics) -> Result<(), StartError> {
    let server = GrpcServer::new(context.clone(), metrics.clone(), LINK_MESSAGE_BYTES_MAX)?;
    let connections = context.settings.now().grpc.connections_max;
    let incoming = access::bounded(incoming, Shares::new("connections", connections, connections / 2));
    context
        .vital
        .spawn("gRPC server", server.run(secured(context, incoming, Served::Grpc)));
    Ok(())
}

/// Serves HTTP; the answer tells the addresses.
fn start_http(connections_max: usize, context: &NodeContext, http: Vec<(SocketAddr, Incoming)>) -> Vec<SocketAddr> {
    if !http.is_empty() {
        context
            .vital
            .spawn("view indexes", view_indexes::clean(context.clone()));
    }
    // What is beyond the bound is told so.
    let connections = Arc::new(Semaphore::new(connections_max.saturating_add(http.len() * TOLD_MAX)));
    let shares = Shares::new("connections", connections_max, connections_max / 2);
    let mut addresses = Vec::with_capacity(http.len());
    for (address, incoming) in http {
        addresses.push(address);
        let incoming = access::bounded(incoming, shares.clone());
        let server = HttpServer::new(context.clone(), Arc::clone(&connections));
        context
            .vital
            .spawn("HTTP server", server.run(secured(context, incoming, Served::Http)));
    }
    addresses
}

fn start_background(context: &NodeContext, metrics: Metrics) {
    let vital = &context.vital;
    vital.spawn("peers", peers::run(context.clone()));
    vital.spawn("cleaning", cleaning::run(context.clone()));
    vital.spawn("purging", purging::run(context.clone()));
    if let Some(tls) = &context.tls {
        vital.spawn("certificates", tls.clone().watch(context.stop.clone()));
    }
    vital.spawn("sampling", sampling::run(context.clone(), metrics));
}
