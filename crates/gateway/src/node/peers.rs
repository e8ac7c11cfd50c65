//! The peers of a node: those that the configuration names, and those that were added while it ran. One that was retired is dialled no more.
//!
//! The system database says who is retired, so whatever brings a change of that, a peer or an operator, is noticed here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rejoin_document::DatacenterName;
use rejoin_store::{CommitError, Operation, Store};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tonic::transport::Uri;

use super::NodeContext;
use crate::config::{Peer, Plan};
use crate::links::{Board, DialTimes, Dialler, Hub, LinkEnd, Puller, Transport, dial_times};
use crate::tls::NodeTls;

/// How long what is on its way from a retired datacenter may take to end, and how long a confirmation that failed waits for another try.
const QUIET_WITHIN: Duration = Duration::from_secs(2);

/// What a link to a peer is made of.
pub(crate) struct Peers {
    configured: Vec<Peer>,
    transport: Arc<dyn Transport>,
    times: DialTimes,
    message_bytes_max: usize,
    /// Where the randomness of the next link begins.
    seed: AtomicU64,
    links: LinkEnd,
    tls: Option<NodeTls>,
    store: Store,
    stop: CancellationToken,
    /// Held while links are begun.
    beginning: Mutex<()>,
}

/// How peers are dialled.
pub(super) struct Dialling {
    pub(super) transport: Arc<dyn Transport>,
    /// Bytes that a message may have.
    pub(super) message_bytes_max: usize,
    /// Where the randomness of the first link begins.
    pub(super) seed: u64,
}

/// The boards of the peers that a node starts with.
pub(super) fn hub(plan: &Plan, store: &Store) -> Hub {
    let cut = store.links_cut();
    Hub::new(&effective(&plan.peers, store), |peer| cut.contains(peer))
}

/// The configured peers in their order, then those that were added since. Where one was given another address since, that counts for as long as the
/// configuration says what it said then.
fn effective(configured: &[Peer], store: &Store) -> Vec<Peer> {
    let mut added = store.added_peers();
    let mut peers: Vec<Peer> = configured
        .iter()
        .map(|peer| match added.remove(&peer.datacenter) {
            Some(since) if since.over == peer.address.to_string() => Peer {
                datacenter: peer.datacenter.clone(),
                address: address(&since.address).unwrap_or_else(|| peer.address.clone()),
            },
            _ => peer.clone(),
        })
        .collect();
    let more = added.into_iter().filter_map(|(datacenter, since)| {
        let address = address(&since.address)?;
        Some(Peer { datacenter, address })
    });
    peers.extend(more);
    peers
}

/// What was stored was checked before.
fn address(text: &str) -> Option<Uri> {
    text.parse().ok()
}

impl Peers {
    /// The peers of `plan`, and those that the store knows beside them; no link is begun yet.
    pub(super) fn new(
        plan: &Plan,
        dialling: Dialling,
        links: &LinkEnd,
        tls: Option<&NodeTls>,
        (store, stop): (&Store, &CancellationToken),
    ) -> Self {
        Self {
            configured: plan.peers.clone(),
            transport: dialling.transport,
            times: dial_times(&plan.settings.links),
            message_bytes_max: dialling.message_bytes_max,
            seed: AtomicU64::new(dialling.seed),
            links: links.clone(),
            tls: tls.cloned(),
            store: store.clone(),
            stop: stop.clone(),
            beginning: Mutex::new(()),
        }
    }

    /// The address that the configuration gives a datacenter; empty if it gives none.
    pub(crate) fn configured_address(&self, datacenter: &DatacenterName) -> String {
        let configured = self.configured.iter().find(|peer| peer.datacenter == *datacenter);
        configured.map(|peer| peer.address.to_string()).unwrap_or_default()
    }

    /// Begins the links that are missing, and tells all of them who is retired and where their peers are.
    pub(crate) fn refresh(&self) {
        let _beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let hub = &self.links.hub;
        for peer in effective(&self.configured, &self.store) {
            match hub.board(&peer.datacenter) {
                Some(board) => board.set_address(&peer.address),
                None => self.begin(hub.add(peer, |peer| self.store.links_cut().contains(peer))),
            }
        }
        for board in hub.boards() {
            board.set_retired(self.store.is_retired(&board.peer().datacenter));
        }
        hub.membership_changed();
    }

    /// Begins the links with the peers that a node starts with.
    pub(super) fn begin_all(&self) {
        for board in self.links.hub.boards() {
            board.set_retired(self.store.is_retired(&board.peer().datacenter));
            self.begin(board);
        }
    }

    fn begin(&self, board: Arc<Board>) {
        let dialler = Dialler::new(Arc::clone(&self.transport), self.times, self.message_bytes_max);
        let dialler = match &self.tls {
            Some(tls) => dialler.secured(tls.identity(), &board.peer().datacenter),
            None => dialler,
        };
        let random = StdRng::seed_from_u64(self.seed.fetch_add(1, Ordering::Relaxed));
        let name = format!("link to {}", board.peer().datacenter);
        let puller = Puller::new(board, &self.links, dialler, random);
        self.links.vital.spawn(name, puller.run(self.stop.clone()));
    }
}

/// Follows the system database until the node stops.
pub(super) async fn run(context: NodeContext) {
    let mut news = context.store.subscribe();
    loop {
        context.peers.refresh();
        let again = !confirm(&context).await;
        let changed = async {
            loop {
                match news.recv().await {
                    Ok(changed) if !changed.database.is_system() => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    // The store lives as long as the context.
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            () = changed => {}
            () = tokio::time::sleep(QUIET_WITHIN), if again => {}
        }
    }
}

/// Says of each retired datacenter that nothing more is taken from it, once nothing of it is on its way. Whether all was said.
async fn confirm(context: &NodeContext) -> bool {
    let mut all = true;
    for datacenter in context.store.unconfirmed_retirements() {
        let board = context.links.hub.board(&datacenter);
        let quiet = async {
            if let Some(board) = board {
                board.quiet().await;
            }
        };
        let quiet = tokio::time::timeout(QUIET_WITHIN, quiet).await.is_ok();
        all &= quiet && said(context, &datacenter).await;
    }
    all
}

async fn said(context: &NodeContext, datacenter: &DatacenterName) -> bool {
    let operation = Operation::ConfirmRetirement {
        datacenter: datacenter.clone(),
    };
    match context.commits.submit(operation).await {
        Ok(_) => {
            tracing::warn!(%datacenter, "was retired: nothing more is taken from it, and it holds back nothing of what this node keeps");
            true
        }
        Err(CommitError::ShuttingDown) => true,
        Err(error) => {
            tracing::debug!(%datacenter, %error, "that nothing more is taken from a retired datacenter is said later");
            false
        }
    }
}
