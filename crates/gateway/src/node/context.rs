//! What every service of a node works with.

use std::sync::Arc;

use rejoin_document::Limits;
use rejoin_store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::disk::body_limits;
use super::{Commits, LiveSettings, Peers, ViewIndexes, Vital};
use crate::access::{Access, Limiter};
use crate::links::LinkEnd;
use crate::tls::{Gate, NodeTls};

/// What every service of a node works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct NodeContext {
    /// The store, for reads.
    pub store: Store,
    /// The pipeline, for writes.
    pub commits: Commits,
    /// This node's end of its links.
    pub links: LinkEnd,
    /// Who is let in.
    pub access: Access,
    /// What clients share.
    pub limiter: Limiter,
    /// The peers, and what links with them are made of.
    pub peers: Arc<Peers>,
    /// The node's certificates, if it has any.
    pub tls: Option<NodeTls>,
    /// The settings in force.
    pub settings: LiveSettings,
    /// Links that other nodes may still open to this one.
    pub sessions: Arc<Semaphore>,
    /// Bytes that the bodies of HTTP requests may still take.
    pub bodies: Arc<Semaphore>,
    /// Bytes that HTTP answers which are made as a whole may still take.
    pub answers: Arc<Semaphore>,
    /// Feeds over HTTP that may still wait for changes.
    pub feeds: Arc<Semaphore>,
    /// The indexes of views.
    pub views: Arc<ViewIndexes>,
    /// Held by the compaction that runs.
    pub compacting: Arc<Semaphore>,
    /// Held by the backup that is being made.
    pub backing_up: Arc<Semaphore>,
    /// Exports that clients may still begin.
    pub exports: Arc<Semaphore>,
    /// Watches that clients may still open.
    pub watches: Arc<Semaphore>,
    /// Calls that may still wait for another datacenter.
    pub waiting: Arc<Semaphore>,
    /// Ends every stream when the node stops.
    pub stop: CancellationToken,
    /// The tasks that a stopping node waits for. Here are those of clients: the panic of one ends what it does for its client.
    pub tasks: TaskTracker,
    /// Spawns those of them whose panic ends the node.
    pub vital: Vital,
}

impl NodeContext {
    /// Bounds of a body at present.
    pub(crate) fn limits(&self) -> Limits {
        body_limits(&self.settings.now())
    }

    /// What every caller has to prove.
    pub(crate) fn gate(&self) -> Gate {
        Gate {
            asks: self.tls.is_some(),
            needs_certificate: self.tls.as_ref().is_some_and(NodeTls::needs_client_certificates),
        }
    }
}
