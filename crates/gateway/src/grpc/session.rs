//! Sessions: a client that carries its token never reads a state older than what it wrote or read before, in any datacenter.
//!
//! A token holds a version vector V: the contexts of all documents that the session was answered with, joined (those of deleted ones too, so that a
//! deletion is never un-seen). Why a read that waits for [`Store::has_seen`](rejoin_store::Store::has_seen) is never older:
//!
//! - **By knowledge.** Knowledge K of a node means that every write that K covers is part of its state. If K ≥ V, then every document there has
//!   incorporated at least what the session saw of it, since states join. K moves only with a watermark, at the end of a complete scan.
//! - **By the log.** A node shows documents before the watermark comes, so a session that has just read them is ahead of K. But a node's state only
//!   grows: forgetting drops marks that nobody is shown, pruning drops history, and a restart reads the same disk. So a token that was issued when
//!   the node had all of V names the node's log and the place in it, and at any later place of that log all of V is there: the node need not wait
//!   for what it has shown itself. An ordinary restart keeps the log (its incarnation); a node that goes on with an older disk begins another one
//!   and checks in full. An older disk that nobody has noticed yet is caught where it can be: its log has not come as far as the token says, or
//!   it lacks a write of its own.
//! - **Never more than was checked.** An answer that was given although the node lacked something (`allow_stale`, and every write, since a write
//!   waits for nobody) hands out a token without a log, so that it is checked in full wherever it goes.
//! - **Shortened.** Beyond 16 replicas a token leaves out what every member datacenter is known to have. A datacenter that joined later or was
//!   restored since may lack just that, so a shortened token also wants the node to have read the log of each of its peers to the end once.
//! - **Another life of a database** has another name inside: its documents are other documents. The token of a former life is refused. That of a later
//!   one is of a database that was deleted and created again elsewhere: the session waits until this node has heard of it.
//!
//! What it does not cover: a document that a node could not apply and has set aside (its status warns of it), and an older disk that has grown past
//! the place in the log before anybody noticed.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use rejoin_api::{SessionToken, SessionTokenError, proto};
use rejoin_document::{DatabaseName, DatacenterName, HlcTime, VersionVector};
use rejoin_store::{Lacking, ReadError, Seen, Store};
use rejoin_sync::LinkState;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::error::{Failure, Gap};
use super::request;
use super::waiting::Patience;
use crate::links::Board;
use crate::node::NodeContext;

/// What is read of this node's own writes is shown within about this time: a commit shows it when the disk has it.
const SHOWN_SOON: Duration = Duration::from_millis(5);

/// Replicas that a token names before it is shortened.
const REPLICAS_KEPT: usize = 16;

/// A read that may go on.
pub(super) struct Reading<'a> {
    context: &'a NodeContext,
    database: &'a DatabaseName,
    /// `None`: of a later life of the database.
    seen: Option<Seen>,
    stale: bool,
    catching_up_from: Vec<DatacenterName>,
}

/// A read whose answer comes in pieces: what one piece tells counts as seen from then on.
pub(super) struct LastingRead {
    context: NodeContext,
    database: DatabaseName,
    seen: Option<Seen>,
    told: VersionVector,
    stale: bool,
    catching_up_from: Vec<DatacenterName>,
}

/// Lives of a database beyond the one that is known here, in which a token is looked for.
const LATER_LIVES: u32 = 64;

/// The database that a read means by `text`. A session that has seen a later life of it waits until this node has heard of that, as in
/// [`before_read`].
///
/// # Errors
///
/// It does not exist; `SESSION_BEHIND` when the time is over; the node is stopping.
pub(super) async fn database(
    context: &NodeContext,
    text: &str,
    options: Option<&proto::ReadOptions>,
    deadline: Option<Instant>,
) -> Result<DatabaseName, Failure> {
    let (token, wait_ms, allow_stale) = asked(options);
    let mut learned = context.store.learned();
    let mut database = request::database(&context.store, text)?;
    if allow_stale || !is_of_later_life(&database, token) {
        return Ok(database);
    }
    let (_place, end) = (place(context)?, Patience::new(wait_ms, deadline).end());
    while is_of_later_life(&database, token) {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return Err(Failure::shutting_down()),
            () = learned.changed() => {}
            () = tokio::time::sleep_until(end) => return Err(behind_a_life(context)),
        }
        database = request::database(&context.store, text)?;
    }
    Ok(database)
}

/// Whether a token is of a database that was deleted and created again, more often than this node has heard of.
fn is_of_later_life(database: &DatabaseName, token: &[u8]) -> bool {
    let Ok(token) = SessionToken::decode(token) else {
        return false;
    };
    if token.is_of(inside(database)) {
        return false;
    }
    let next = database.incarnation().saturating_add(1);
    let mut lives = (next..next.saturating_add(LATER_LIVES)).map(|number| database.of_incarnation(number));
    lives.any(|later| token.is_of(inside(&later)))
}

/// The calls that wait are bounded.
fn place(context: &NodeContext) -> Result<SemaphorePermit<'_>, Failure> {
    let place = context.waiting.try_acquire();
    place.map_err(|_| Failure::too_many("waiting calls"))
}

/// Why this node has not heard of a later life of a database.
fn behind_a_life(context: &NodeContext) -> Failure {
    Failure::session_behind(&gap(context, &Lacking::default()))
}

fn asked(options: Option<&proto::ReadOptions>) -> (&[u8], u32, bool) {
    match options {
        Some(options) => (&options.session_token[..], options.wait_ms, options.allow_stale),
        None => (&[][..], 0, false),
    }
}

/// Lets a read begin once this node has what its session has seen; the longest that it waits is in `options`, and the call's own `deadline`.
///
/// # Errors
///
/// `INVALID_SESSION`; `SESSION_BEHIND` or `SESSION_LOST` when the time is over; the node is stopping.
pub(super) async fn before_read<'a>(
    context: &'a NodeContext,
    database: &'a DatabaseName,
    options: Option<&proto::ReadOptions>,
    deadline: Option<Instant>,
) -> Result<Reading<'a>, Failure> {
    let (token, wait_ms, allow_stale) = asked(options);
    let seen = incoming(database, token)?;
    let has = has(context, database, seen.as_ref());
    if !has && !allow_stale {
        match &seen {
            Some(seen) => wait(context, database, seen, Patience::new(wait_ms, deadline)).await?,
            None => return Err(behind_a_life(context)),
        }
    }
    Ok(Reading {
        catching_up_from: context.store.catching_up_from(database),
        stale: !has && allow_stale,
        context,
        database,
        seen,
    })
}

impl Reading<'_> {
    /// How the answer stands to its session, once it was read: `read` covers the contexts of all documents that it tells of.
    pub(super) fn after_read(self, read: &VersionVector) -> proto::ReadState {
        proto::ReadState {
            stale: self.stale,
            catching_up_from: catching_up(&self.context.store, self.database, &self.catching_up_from),
            session_token: self.token(read),
        }
    }

    /// As [`Self::after_read`] where the answer is a refusal: that a document is deleted is something that was seen, too.
    pub(super) fn refused(self, failure: Failure, read: &VersionVector) -> Failure {
        let failure = if self.stale {
            failure.with("stale", true)
        } else {
            failure
        };
        let token = self.token(read);
        failure.with_session_token(&token)
    }

    /// The same read, where the answer comes in pieces.
    pub(super) fn in_pieces(self) -> LastingRead {
        LastingRead {
            context: self.context.clone(),
            database: self.database.clone(),
            seen: self.seen,
            told: VersionVector::new(),
            stale: self.stale,
            catching_up_from: self.catching_up_from,
        }
    }

    fn token(self, read: &VersionVector) -> Bytes {
        handed_out(self.context, self.database, self.seen, read, !self.stale)
    }
}

impl LastingRead {
    /// How the answer stands to its session with a piece that tells of `read`: it covers the pieces before, too.
    pub(super) fn after_piece(&mut self, read: &VersionVector) -> proto::ReadState {
        self.told.merge(read);
        let (store, database) = (&self.context.store, &self.database);
        proto::ReadState {
            stale: self.stale,
            catching_up_from: catching_up(store, database, &self.catching_up_from),
            session_token: handed_out(&self.context, database, self.seen.clone(), &self.told, !self.stale),
        }
    }

    /// The next piece is read as of now, not as of the moment when the read began.
    pub(super) fn go_on(&mut self) {
        self.catching_up_from = self.context.store.catching_up_from(&self.database);
        self.stale = self.stale && !has(&self.context, &self.database, self.seen.as_ref());
    }
}

/// What was in part when a read began may be whole by now, and the other way round.
fn catching_up(store: &Store, database: &DatabaseName, at_begin: &[DatacenterName]) -> Vec<String> {
    let now = store.catching_up_from(database);
    let all: BTreeSet<_> = at_begin.iter().chain(&now).collect();
    all.into_iter().map(DatacenterName::to_string).collect()
}

/// Whether this node has all that a session has seen; not if that is of a later life of the database.
fn has(context: &NodeContext, database: &DatabaseName, seen: Option<&Seen>) -> bool {
    seen.is_some_and(|seen| context.store.has_seen(database, seen))
}

/// The token of a session that has now seen `read`. A session with a later life of the database keeps the one that it has.
fn handed_out(
    context: &NodeContext,
    database: &DatabaseName,
    seen: Option<Seen>,
    read: &VersionVector,
    has: bool,
) -> Bytes {
    seen.map_or_else(Bytes::new, |seen| issue(context, database, seen, read, has))
}

/// What the session of a write has seen.
///
/// # Errors
///
/// `INVALID_SESSION`; `SESSION_BEHIND` at once, as no write waits, if it is of a later life of the database: this one is deleted elsewhere.
pub(super) fn before_write(context: &NodeContext, database: &DatabaseName, token: &[u8]) -> Result<Seen, Failure> {
    incoming(database, token)?.ok_or_else(|| behind_a_life(context))
}

/// What a session has seen of a database, by the token that it sent; an empty one begins a session. `None`: it is of a later life of the database.
///
/// # Errors
///
/// `INVALID_SESSION`.
fn incoming(database: &DatabaseName, token: &[u8]) -> Result<Option<Seen>, Failure> {
    if token.is_empty() {
        return Ok(Some(Seen::default()));
    }
    match SessionToken::decode_for(token, inside(database)) {
        Ok(token) => Ok(Some(Seen {
            writes: token.seen,
            had_at: token.issued,
            shortened: token.shortened,
        })),
        Err(SessionTokenError::OtherDatabase) if is_of_later_life(database, token) => Ok(None),
        Err(error) => Err(Failure::session_token(error)),
    }
}

/// The token of a session that has seen `seen` and now `read`; `has`: this node has all of `seen`.
pub(super) fn issue(
    context: &NodeContext,
    database: &DatabaseName,
    seen: Seen,
    read: &VersionVector,
    has: bool,
) -> Bytes {
    let mut token = SessionToken::new(inside(database));
    token.seen = seen.writes;
    token.shortened = seen.shortened;
    token.seen.merge(read);
    if token.seen.len() > REPLICAS_KEPT {
        let stable = context.store.stable(database).unwrap_or_default();
        let named = token.seen.len();
        token.seen = token
            .seen
            .iter()
            .filter(|(replica, time)| stable.get(*replica) < *time)
            .collect();
        token.shortened |= token.seen.len() < named;
    }
    token.issued = has.then(|| context.store.position(database));
    token.encode().into()
}

/// The name under which the node keeps a database.
fn inside(database: &DatabaseName) -> &str {
    database.as_str()
}

/// Looks again whenever the node has learned something. What it lacks of its own writes is on its disk and shown in a moment: nobody is woken for
/// that, so it looks again soon.
async fn wait(context: &NodeContext, database: &DatabaseName, seen: &Seen, patience: Patience) -> Result<(), Failure> {
    let _place = place(context)?;
    let (mut learned, end) = (context.store.learned(), patience.end());
    while !context.store.has_seen(database, seen) {
        let now = Instant::now();
        if now >= end {
            return Err(behind(context, database, seen));
        }
        let lacking = context.store.lacking(database, seen).replicas;
        let again = if lacking == [context.store.identity().replica] {
            end.min(now + SHOWN_SOON)
        } else {
            end
        };
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return Err(Failure::shutting_down()),
            () = learned.changed() => {}
            () = tokio::time::sleep_until(again) => {}
        }
    }
    Ok(())
}

/// Why this node still lacks what a session has seen.
fn behind(context: &NodeContext, database: &DatabaseName, seen: &Seen) -> Failure {
    let lacking = context.store.lacking(database, seen);
    match lost(context, database, seen, &lacking) {
        Ok(None) => Failure::session_behind(&gap(context, &lacking)),
        Ok(Some(failure)) => failure,
        Err(error) => error.into(),
    }
}

/// A write of a replica whose place another one took is lost when nobody can bring it any more: this node has read the logs of all its peers to
/// the end, and is connected with all.
fn lost(
    context: &NodeContext,
    database: &DatabaseName,
    seen: &Seen,
    lacking: &Lacking,
) -> Result<Option<Failure>, ReadError> {
    let store = &context.store;
    let boards = context.links.hub.members();
    let all_read = boards.iter().all(|board| state(board) == Some(LinkState::Connected));
    if !all_read || !store.behind().is_empty() || !store.catching_up_from(database).is_empty() {
        return Ok(None);
    }
    let own = store.identity();
    for replica in &lacking.replicas {
        if *replica == own.replica {
            if store.has_written(database, seen)? {
                return Ok(None);
            }
            return Ok(Some(Failure::session_lost(&own.datacenter, None)));
        }
        if let (Some(at), Some(datacenter)) = (store.replaced(*replica)?, store.datacenter_of(*replica)) {
            return Ok(Some(Failure::session_lost(&datacenter, Some(HlcTime::unix_ms(at)))));
        }
    }
    Ok(None)
}

/// Of several datacenters that are missing one whose link is down is named. What this node lost itself comes from its peers.
fn gap(context: &NodeContext, lacking: &Lacking) -> Gap {
    let (store, hub) = (&context.store, &context.links.hub);
    let own = store.identity().datacenter;
    let writers = lacking
        .replicas
        .iter()
        .filter_map(|replica| store.datacenter_of(*replica));
    let missing: Vec<DatacenterName> = writers.chain(lacking.unread.iter().cloned()).collect();
    let linked = missing.iter().filter_map(|datacenter| hub.board(datacenter));
    let through_others = hub.members().into_iter().filter(|_| {
        let unlinked = |datacenter: &DatacenterName| hub.board(datacenter).is_none();
        missing.is_empty() || missing.iter().any(unlinked)
    });
    let down = linked.chain(through_others).find_map(|board| down(context, &board));
    let named = down
        .as_ref()
        .map(|(peer, _)| peer)
        .filter(|peer| missing.contains(peer));
    let other = missing.iter().find(|datacenter| **datacenter != own);
    Gap {
        datacenter: named.or(other).or(missing.first()).cloned(),
        down,
    }
}

/// Since when the link with a peer is down, if it is.
fn down(context: &NodeContext, board: &Board) -> Option<(DatacenterName, u64)> {
    let peer = &board.peer().datacenter;
    let (status, _) = board.status()?;
    match status.state {
        LinkState::Connected | LinkState::CatchingUp => None,
        LinkState::Connecting | LinkState::Partitioned | LinkState::Cut | LinkState::Refused => {
            let lost = context.store.link_lost(peer).map(HlcTime::unix_ms);
            Some((peer.clone(), lost.unwrap_or(status.since.0)))
        }
    }
}

fn state(board: &Board) -> Option<LinkState> {
    board.status().map(|(status, _)| status.state)
}
