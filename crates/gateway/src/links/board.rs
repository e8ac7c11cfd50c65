//! What the tasks of one node tell each other about its peers.
//!
//! Everything here is the latest state, not a queue: a task that is slow to look sees the newest and nothing piles up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rejoin_document::{DatabaseName, DatacenterName, Dot, Incarnation, Position, ReplicaId, VersionVector};
use rejoin_store::{Follower, Latest};
use rejoin_sync::{ComparedDatabase, HealReport, LinkStatus, Timestamp};
use tokio::sync::Notify;
use tonic::transport::Uri;

use super::acknowledged::Acknowledged;
use super::claims::{Claim, Claims};
use crate::config::Peer;

/// What a peer is known to know, per database, and in which incarnation it said so.
pub(super) type Knows = BTreeMap<DatabaseName, (Incarnation, VersionVector)>;

/// Up to where a peer has this node's log of each database.
pub(crate) type Reached = BTreeMap<DatabaseName, Position>;

/// How far a peer is behind this node, as far as it has told since this node was started.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerProgress {
    /// None: it has not greeted yet.
    pub(crate) reached: Option<Reached>,
    /// When it last had everything.
    pub(crate) complete: Option<Timestamp>,
}

/// What concerns the links with one peer.
#[derive(Debug)]
pub(crate) struct Board {
    peer: Peer,
    /// Where the peer is dialled now.
    address: Latest<Uri>,
    /// Its datacenter is retired.
    retired: Latest<bool>,
    cut: Latest<bool>,
    knows: Latest<Knows>,
    acknowledged: Mutex<Acknowledged>,
    claims: Arc<Claims>,
    heard: Latest<()>,
    seen: Notify,
    live: Latest<usize>,
    status: Mutex<Option<(LinkStatus, Option<HealReport>)>>,
    progress: Mutex<PeerProgress>,
    /// Seconds by which the peer's clock was last seen ahead.
    clock_ahead_s: Mutex<Option<f64>>,
    /// The newest ticket for a comparison.
    tickets: Latest<u64>,
    /// The peer has asked for a comparison.
    compare_asked: Latest<()>,
    verified: Latest<Option<Verified>>,
    /// The link's state has changed.
    turned: Latest<()>,
}

/// A comparison that somebody waited for.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// All that was asked for up to this ticket is answered by it.
    pub(crate) ticket: u64,
    /// What it found.
    pub(crate) databases: Arc<Vec<ComparedDatabase>>,
}

/// The boards of all peers. A board that is there stays until the node ends.
#[derive(Debug)]
pub(crate) struct Hub {
    boards: RwLock<Vec<Arc<Board>>>,
    membership: Latest<()>,
    identity: Latest<()>,
    heard: Latest<()>,
}

impl Hub {
    /// A hub for `peers`; `cut` tells whose links are cut.
    pub(crate) fn new(peers: &[Peer], cut: impl Fn(&DatacenterName) -> bool) -> Self {
        let heard = Latest::new(());
        let boards = peers
            .iter()
            .map(|peer| Arc::new(Board::new(peer.clone(), cut(&peer.datacenter), heard.clone())))
            .collect();
        Self {
            boards: RwLock::new(boards),
            membership: Latest::new(()),
            identity: Latest::new(()),
            heard,
        }
    }

    /// Changes whenever a peer has said that it has more than it had said before.
    pub(crate) fn heard(&self) -> Follower<()> {
        self.heard.follow()
    }

    /// The boards in the order of the configuration, those of peers that were added since after them.
    pub(crate) fn boards(&self) -> Vec<Arc<Board>> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of them whose datacenters are not retired.
    pub(crate) fn members(&self) -> Vec<Arc<Board>> {
        let mut boards = self.boards();
        boards.retain(|board| !board.is_retired());
        boards
    }

    /// The board of `datacenter`, if it is a peer.
    pub(crate) fn board(&self, datacenter: &DatacenterName) -> Option<Arc<Board>> {
        let boards = self.boards.read().unwrap_or_else(PoisonError::into_inner);
        boards
            .iter()
            .find(|board| board.peer.datacenter == *datacenter)
            .cloned()
    }

    /// A board for a peer that has none yet.
    pub(crate) fn add(&self, peer: Peer, cut: impl Fn(&DatacenterName) -> bool) -> Arc<Board> {
        let cut = cut(&peer.datacenter);
        let board = Arc::new(Board::new(peer, cut, self.heard.clone()));
        let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
        boards.push(Arc::clone(&board));
        board
    }

    /// A datacenter was retired, or is a member again: every stream has to look whether it may go on.
    pub(crate) fn membership_changed(&self) {
        self.membership.update(|()| ());
    }

    /// Changes whenever a datacenter was retired, or is a member again.
    pub(crate) fn membership(&self) -> Follower<()> {
        self.membership.follow()
    }

    /// Ends every connection: each was greeted under an identity that the node no longer has.
    pub(crate) fn identity_changed(&self) {
        self.identity.update(|()| ());
    }

    /// Changes whenever the node has a new identity.
    pub(crate) fn identity(&self) -> Follower<()> {
        self.identity.follow()
    }
}

impl Board {
    fn new(peer: Peer, cut: bool, heard: Latest<()>) -> Self {
        Self {
            address: Latest::new(peer.address.clone()),
            retired: Latest::new(false),
            peer,
            cut: Latest::new(cut),
            knows: Latest::new(Knows::new()),
            acknowledged: Mutex::default(),
            claims: Arc::default(),
            heard,
            seen: Notify::new(),
            live: Latest::new(0),
            status: Mutex::new(None),
            progress: Mutex::default(),
            clock_ahead_s: Mutex::new(None),
            tickets: Latest::new(0),
            compare_asked: Latest::new(()),
            verified: Latest::new(None),
            turned: Latest::new(()),
        }
    }

    /// Asks for a comparison; what [`Self::verified`] tells with this ticket or a greater one is the answer.
    pub(crate) fn ask_comparison(&self) -> u64 {
        let mut ticket = 0;
        self.tickets.update(|newest| {
            *newest += 1;
            ticket = *newest;
        });
        ticket
    }

    /// The newest ticket for a comparison.
    pub(crate) fn tickets(&self) -> Follower<u64> {
        self.tickets.follow()
    }

    /// The peer asks for a comparison.
    pub(crate) fn peer_asks_comparison(&self) {
        self.compare_asked.update(|()| ());
    }

    /// Changes whenever the peer asks for a comparison.
    pub(crate) fn comparisons_asked(&self) -> Follower<()> {
        self.compare_asked.follow()
    }

    /// A comparison that somebody waited for has ended.
    pub(crate) fn set_verified(&self, verified: Verified) {
        self.verified.update(|newest| *newest = Some(verified));
    }

    /// The newest of them.
    pub(crate) fn verified(&self) -> Follower<Option<Verified>> {
        self.verified.follow()
    }

    /// Changes whenever the link is in another state.
    pub(crate) fn turned(&self) -> Follower<()> {
        self.turned.follow()
    }

    /// The peer has greeted: from then on it counts what it says of its databases now.
    pub(crate) fn begin_progress(&self, reached: Reached) {
        self.lock_progress().reached = Some(reached);
    }

    /// The peer has this node's log of a database up to here.
    pub(crate) fn reached(&self, database: DatabaseName, place: Position) {
        if let Some(reached) = &mut self.lock_progress().reached {
            reached.insert(database, place);
        }
    }

    /// How far the peer is behind. `has_all` looks where it stands; if it has everything, that is so `now`.
    pub(crate) fn progress(&self, now: Timestamp, has_all: impl Fn(&Reached) -> bool) -> PeerProgress {
        let mut progress = self.lock_progress();
        if progress.reached.as_ref().is_some_and(has_all) {
            progress.complete = Some(now);
        }
        progress.clone()
    }

    fn lock_progress(&self) -> MutexGuard<'_, PeerProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how far the peer's clock is ahead.
    pub(crate) fn set_clock_ahead(&self, seconds: f64) {
        *self.clock_ahead_s.lock().unwrap_or_else(PoisonError::into_inner) = Some(seconds);
    }

    /// How far the peer's clock is ahead, in seconds, negative when it is behind; `None` before it has told the time.
    pub(crate) fn clock_ahead_s(&self) -> Option<f64> {
        *self.clock_ahead_s.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Where it is dialled.
    pub(crate) fn address(&self) -> Uri {
        self.address.follow().look()
    }

    /// Changes whenever the peer is dialled elsewhere.
    pub(crate) fn addresses(&self) -> Follower<Uri> {
        self.address.follow()
    }

    /// Where the peer is dialled from now on; a stream that goes elsewhere ends.
    pub(crate) fn set_address(&self, address: &Uri) {
        if self.address() != *address {
            self.address.update(|now| now.clone_from(address));
        }
    }

    /// Whether the peer's datacenter is retired; changes at once.
    pub(crate) fn retired(&self) -> Follower<bool> {
        self.retired.follow()
    }

    /// Whether the peer's datacenter is retired.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.follow().look()
    }

    /// Notes whether the peer's datacenter is retired.
    pub(crate) fn set_retired(&self, retired: bool) {
        if self.is_retired() != retired {
            self.retired.update(|now| *now = retired);
        }
    }

    /// Cuts the links or restores them; the streams that are open end at once. The store must have it already.
    pub(crate) fn set_cut(&self, cut: bool) {
        self.cut.update(|now| *now = cut);
    }

    /// Whether the links are cut; changes at once.
    pub(crate) fn cut(&self) -> Follower<bool> {
        self.cut.follow()
    }

    /// Counts something that still carries documents from or to the peer, for as long as the guard lives.
    pub(crate) fn live(self: &Arc<Self>) -> Live {
        self.live.update(|count| *count += 1);
        Live(Arc::clone(self))
    }

    /// Waits until nothing carries documents from or to the peer.
    pub(crate) async fn quiet(&self) {
        let mut live = self.live.follow();
        while live.look() > 0 {
            live.changed().await;
        }
    }

    /// A link with the peer's datacenter, which will say what node it has heard there.
    pub(super) fn claim(&self) -> Claim {
        self.claims.link()
    }

    /// Whether another node of the peer's datacenter than this one was heard on some link less than `within_ms` milliseconds ago.
    pub(super) fn is_taken(&self, replica: ReplicaId, now: Timestamp, within_ms: u64) -> bool {
        self.claims.are_held_by_another(replica, now, within_ms)
    }

    /// The peer connected under this incarnation: what it said under another one counts no more.
    pub(crate) fn greeted(&self, incarnation: Incarnation) {
        self.acknowledged().greeted(incarnation);
    }

    /// Notes what the peer said that it has made durable.
    pub(crate) fn acknowledges(&self, database: &DatabaseName, incarnation: Incarnation, has: &VersionVector) {
        if self.acknowledged().heard(incarnation, database, has) {
            self.heard.update(|()| ());
        }
    }

    /// Whether the peer has said, in its present incarnation, that it has a write.
    pub(crate) fn has(&self, database: &DatabaseName, dot: Dot) -> bool {
        self.acknowledged().has(database, dot)
    }

    fn acknowledged(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the peer said that it knows.
    pub(crate) fn peer_knows(&self, database: DatabaseName, incarnation: Incarnation, knowledge: VersionVector) {
        self.acknowledges(&database, incarnation, &knowledge);
        self.knows.update(|knows| {
            knows.insert(database, (incarnation, knowledge));
        });
    }

    /// What the peer knows, as far as it told us.
    pub(crate) fn knows(&self) -> Follower<Knows> {
        self.knows.follow()
    }

    /// The peer has connected to us: it can be reached.
    pub(crate) fn peer_seen(&self) {
        self.seen.notify_one();
    }

    /// Waits until the peer has connected to us.
    pub(crate) async fn seen(&self) {
        self.seen.notified().await;
    }

    /// Notes how the link stands, and the heal that is under way.
    pub(crate) fn set_status(&self, status: &LinkStatus, heal: Option<&HealReport>) {
        let mut current = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = current
            .as_ref()
            .is_some_and(|(old, old_heal)| old == status && old_heal.as_ref() == heal);
        let turned = current.as_ref().is_none_or(|(old, _)| old.state != status.state);
        if !unchanged {
            *current = Some((status.clone(), heal.cloned()));
        }
        drop(current);
        if turned {
            self.turned.update(|()| ());
        }
    }

    /// How the link stands, and the heal that is under way; `None` before its task has started.
    pub(crate) fn status(&self) -> Option<(LinkStatus, Option<HealReport>)> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Something that carries documents from or to a peer: a stream, or a batch that is being applied.
#[derive(Debug)]
pub(crate) struct Live(Arc<Board>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.update(|count| *count = count.saturating_sub(1));
    }
}
