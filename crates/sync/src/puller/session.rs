//! What a puller knows of one connection. It ends with the connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rejoin_document::{DatabaseName, Incarnation, Position, Sequence};

use super::event::Local;
use crate::Timestamp;
use crate::comparison::Comparison;
use crate::link::Backlog;
use crate::message::{Batch, DatabaseHello, Item, Welcome};

/// One connection, from `Connected` to `Disconnected`.
pub(super) struct Session {
    /// The stream's name.
    pub(super) nonce: u64,
    /// What the hello said of this node.
    pub(super) local: Local,
    /// When the peer was last heard, at first when the connection was made.
    pub(super) heard: Timestamp,
    /// When something was last sent.
    pub(super) sent: Timestamp,
    /// The peer's answer to the hello.
    pub(super) welcome: Option<Welcome>,
    /// The peer knows no more of us than we do: batches may be applied.
    pub(super) established: bool,
    /// Every database opened on this stream.
    pub(super) databases: BTreeMap<DatabaseName, Pulled>,
    /// Batches that wait for the one being applied; bounded by the window that the hello announced.
    pub(super) batches: VecDeque<Batch>,
    /// What those batches weigh.
    pub(super) waiting_bytes: u64,
    /// States that a comparison wants applied; at most one message of them.
    pub(super) repair: Option<(DatabaseName, Vec<Item>)>,
    /// The list of databases was asked for: more may have to be caught up with.
    pub(super) listing: bool,
    /// Every database has had a watermark on this stream.
    pub(super) caught_up: bool,
    /// What the peer has said to be left of its logs, without what came since.
    pub(super) left: Option<Backlog>,
    /// Databases whose newest batch did not reach the end of the log.
    pub(super) unended: BTreeSet<DatabaseName>,
    /// Since when this node is catching up, and how far it was behind then.
    pub(super) pace: Option<(Timestamp, u64)>,
    /// The comparison under way.
    pub(super) comparison: Option<Comparison>,
    /// The peer is to be asked for one in the other direction.
    pub(super) ask_back: bool,
    /// When the next one is due.
    pub(super) compare_at: Timestamp,
}

/// One database on this stream.
pub(super) struct Pulled {
    position: Option<Position>,
    /// Where the next batch has to continue from.
    pub(super) expected: Position,
    /// A watermark was applied on this stream.
    pub(super) caught_up: bool,
}

impl Session {
    /// The session of a connection that was just made.
    pub(super) fn new(nonce: u64, local: Local, now: Timestamp) -> Self {
        let mut session = Self {
            nonce,
            heard: now,
            sent: now,
            welcome: None,
            established: false,
            databases: BTreeMap::new(),
            batches: VecDeque::new(),
            waiting_bytes: 0,
            repair: None,
            listing: false,
            caught_up: false,
            left: None,
            unended: BTreeSet::new(),
            pace: None,
            comparison: None,
            ask_back: false,
            compare_at: now,
            local,
        };
        for hello in session.local.databases.clone() {
            session.open(&hello);
        }
        session
    }

    /// Adds a database; false when it is there already.
    pub(super) fn open(&mut self, hello: &DatabaseHello) -> bool {
        if self.databases.contains_key(&hello.name) {
            return false;
        }
        let incarnation = self.welcome.as_ref().map(|welcome| welcome.incarnation);
        let mut pulled = Pulled {
            position: hello.position,
            expected: Position::default(),
            caught_up: false,
        };
        if let Some(incarnation) = incarnation {
            pulled.expected = start(pulled.position, incarnation);
        }
        self.databases.insert(hello.name.clone(), pulled);
        self.unended.insert(hello.name.clone());
        true
    }

    /// The peer has answered: now it is known which positions still mean something.
    pub(super) fn welcomed(&mut self, welcome: Welcome) {
        for pulled in self.databases.values_mut() {
            pulled.expected = start(pulled.position, welcome.incarnation);
        }
        self.welcome = Some(welcome);
    }
}

/// Where a log is continued: at the position, or at the beginning if that belongs to another incarnation.
pub(crate) fn start(position: Option<Position>, incarnation: Incarnation) -> Position {
    match position {
        Some(position) if position.incarnation == incarnation => position,
        _ => Position {
            incarnation,
            sequence: Sequence(0),
        },
    }
}
