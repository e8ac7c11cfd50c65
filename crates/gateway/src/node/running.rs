//! A node while it runs: started as a whole, stopped in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rejoin_store::{CommitQueue, Store, StoreError};
use rejoin_tls::Interface as Served;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::disk::body_limits;
use super::{Commits, NodeContext, StartError, ViewIndexes, cleaning, purging, sampling, view_indexes};
use crate::clock::{LinkClock, WallClock};
use crate::config::Plan;
use crate::grpc::GrpcServer;
use crate::http::HttpServer;
use crate::links::{Dialler, Hub, Incoming, LinkEnd, Port, Puller, Transport, dial_times, link_options};
use crate::metrics::Metrics;
use crate::tls::{self, NodeTls, Notices};

/// Bytes of one message between nodes: a batch that is just below its bound, the largest state that travels, and what is around them.
const LINK_MESSAGE_BYTES_MAX: usize = 328 << 20;

/// Calls that wait for another datacenter at one time.
const WAITING_MAX: usize = 4096;

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
    shutdown_timeout: Duration,
}

impl Node {
    /// Starts a node: when this returns, it serves and dials its peers.
    ///
    /// # Errors
    ///
    /// The server cannot be built.
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
        let commits = match &queue {
            Some(queue) => Commits::queued(queue.committer(), metrics.clone()),
            None => Commits::inline(store.clone(), metrics.clone()),
        };
        let cut = store.links_cut();
        let hub = Arc::new(Hub::new(&plan.peers, |peer| cut.contains(peer)));
        let port = Port::new(store.clone(), commits.clone(), Arc::clone(&hub), metrics.clone(), wall);
        let settings = &plan.settings;
        let links = LinkEnd {
            hub,
            port,
            options: link_options(&settings.links),
            clock: LinkClock::new(wall),
            notices: Notices::default(),
        };
        let context = NodeContext {
            views: Arc::new(ViewIndexes::new(&store)),
            store,
            commits,
            links,
            tls,
            limits: body_limits(plan),
            grpc: Arc::new(settings.grpc.clone()),
            http: Arc::new(settings.http.clone()),
            sessions: Arc::new(Semaphore::new(settings.links.sessions_max)),
            bodies: Arc::new(Semaphore::new(settings.http.bodies_bytes_max)),
            answers: Arc::new(Semaphore::new(settings.http.answers_bytes_max)),
            feeds: Arc::new(Semaphore::new(settings.http.feeds_max)),
            compacting: Arc::new(Semaphore::new(1)),
            exports: Arc::new(Semaphore::new(settings.grpc.exports_max)),
            watches: Arc::new(Semaphore::new(settings.grpc.watches_max)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let server = GrpcServer::new(context.clone(), metrics.clone(), LINK_MESSAGE_BYTES_MAX)?;
        context
            .tasks
            .spawn(server.run(secured(&context, incoming, Served::Grpc)));
        let http_addresses = start_http(&context, http);
        start_pullers(plan, &context, &transport, seed);
        start_background(plan, &context, metrics);
        let shutdown_timeout = Duration::from_millis(settings.node.shutdown_timeout_ms);
        Ok(Self {
            context,
            queue,
            address,
            http_addresses,
            shutdown_timeout,
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

    /// Stops in order: takes no more connections, lets the calls end that it has accepted (for a bounded time), commits
    /// what was queued, and marks the directory as shut down cleanly.
    ///
    /// # Errors
    ///
    /// The mark was not written. Nothing that was acknowledged is lost; the next start takes this one for a crash.
    pub async fn shutdown(self) -> Result<(), StoreError> {
        let Self {
            context,
            queue,
            shutdown_timeout,
            ..
        } = self;
        context.stop.cancel();
        context.tasks.close();
        if tokio::time::timeout(shutdown_timeout, context.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                tasks = context.tasks.len(),
                "stopping although not all calls have ended"
            );
        }
        match queue {
            // Joins a thread: only a simulation, which has no queue, must not block.
            Some(queue) => match tokio::task::spawn_blocking(move || queue.shutdown()).await {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            None => context.store.close(),
        }
    }
}

/// What comes in on a listener, once it is known who it is.
fn secured(context: &NodeContext, incoming: Incoming, served: Served) -> Incoming {
    tls::listen(incoming, context.tls.as_ref(), served, &context.links.notices)
}

/// Serves HTTP; the answer tells the addresses.
fn start_http(context: &NodeContext, listeners: Vec<(SocketAddr, Incoming)>) -> Vec<SocketAddr> {
    if !listeners.is_empty() {
        context.tasks.spawn(view_indexes::clean(context.clone()));
    }
    let connections = Arc::new(Semaphore::new(context.http.connections_max));
    let serve = |(address, incoming)| {
        let server = HttpServer::new(context.clone(), Arc::clone(&connections));
        context
            .tasks
            .spawn(server.run(secured(context, incoming, Served::Http)));
        address
    };
    listeners.into_iter().map(serve).collect()
}

/// What a node does by itself.
fn start_background(plan: &Plan, context: &NodeContext, metrics: Metrics) {
    let clean_every_ms = plan.settings.databases.clean_every_ms;
    context.tasks.spawn(cleaning::run(context.clone(), clean_every_ms));
    context.tasks.spawn(purging::run(context.clone()));
    if let Some(tls) = &context.tls {
        context.tasks.spawn(tls.clone().watch(context.stop.clone()));
    }
    context.tasks.spawn(sampling::run(context.clone(), metrics));
}

fn start_pullers(plan: &Plan, context: &NodeContext, transport: &Arc<dyn Transport>, seed: u64) {
    let times = dial_times(&plan.settings.links);
    for (number, board) in (0..).zip(context.links.hub.boards()) {
        let address = board.peer().address.clone();
        let dialler = Dialler::new(Arc::clone(transport), address, times, LINK_MESSAGE_BYTES_MAX);
        let dialler = match &context.tls {
            Some(tls) => dialler.secured(tls.identity(), &board.peer().datacenter),
            None => dialler,
        };
        let random = StdRng::seed_from_u64(seed.wrapping_add(number));
        let puller = Puller::new(Arc::clone(board), &context.links, dialler, random);
        context.tasks.spawn(puller.run(context.stop.clone()));
    }
}
