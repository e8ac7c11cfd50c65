//! One directed link: a puller for ever, and a connection with a server session while there is one.

use std::collections::VecDeque;

use rejoin_document::DatabaseName;
use rejoin_sync::{Item, Message, Progress, Puller, ServerSession};

/// Batches of earlier streams that may still turn up.
const OLD_MAX: usize = 6;

/// `puller` pulls from `server`; both are indices of nodes.
pub(super) struct Link {
    pub(super) puller: usize,
    pub(super) server: usize,
    pub(super) machine: Puller,
    /// Whether the network carries anything.
    pub(super) up: bool,
    pub(super) connection: Option<Connection>,
    /// The apply that the store has not done yet.
    pub(super) applying: Option<Applying>,
    /// Batches that were sent before, to be delivered late.
    pub(super) old: VecDeque<Message>,
    /// Something may deliver batches late.
    pub(super) keeps_old: bool,
}

/// An open connection.
pub(super) struct Connection {
    pub(super) session: ServerSession,
    pub(super) requests: Flight,
    pub(super) responses: Flight,
    /// The server closes once the responses are delivered.
    pub(super) closing: bool,
    /// Nothing comes through any more, and neither end knows.
    pub(super) dead: bool,
}

/// Messages under way in one direction, each with when it arrives.
pub(super) type Flight = VecDeque<(u64, Message)>;

/// A command `Apply`.
pub(super) struct Applying {
    pub(super) ticket: u64,
    pub(super) database: DatabaseName,
    pub(super) items: Vec<Item>,
    pub(super) progress: Option<Progress>,
    /// When the store does it.
    pub(super) due_ms: u64,
}

impl Link {
    pub(super) fn new(puller: usize, server: usize, machine: Puller) -> Self {
        Self {
            puller,
            server,
            machine,
            up: true,
            connection: None,
            applying: None,
            old: VecDeque::new(),
            keeps_old: true,
        }
    }

    /// The connection, if the network carries anything.
    pub(super) fn carrying(&mut self) -> Option<&mut Connection> {
        let up = self.up;
        self.connection.as_mut().filter(|connection| up && !connection.dead)
    }

    pub(super) fn keep(&mut self, message: &Message) {
        if !self.keeps_old {
            return;
        }
        self.old.push_back(message.clone());
        if self.old.len() > OLD_MAX {
            self.old.pop_front();
        }
    }
}
