//! One directed link: a puller for ever, and a connection with a server session while there is one.

use std::collections::VecDeque;

use rejoin_document::DatabaseName;
use rejoin_sync::{Item, Message, Progress, Puller, ServerSession};

/// Batches of earlier streams that may still turn up.
const OLD_MAX: usize = 6;

/// `puller` pulls from `server`; both are indices of nodes.
pub struct Link {
    pub puller: usize,
    pub server: usize,
    pub machine: Puller,
    /// Whether the network carries anything.
    pub up: bool,
    pub connection: Option<Connection>,
    /// The apply that the store has not done yet.
    pub applying: Option<Applying>,
    /// Batches that were sent before, to be delivered late.
    pub old: VecDeque<Message>,
}

/// An open connection.
pub struct Connection {
    pub session: ServerSession,
    pub requests: VecDeque<Message>,
    pub responses: VecDeque<Message>,
    /// The server closes once the responses are delivered.
    pub closing: bool,
}

/// A command `Apply`.
pub struct Applying {
    pub ticket: u64,
    pub database: DatabaseName,
    pub items: Vec<Item>,
    pub progress: Option<Progress>,
}

impl Link {
    pub fn new(puller: usize, server: usize, machine: Puller) -> Self {
        Self {
            puller,
            server,
            machine,
            up: true,
            connection: None,
            applying: None,
            old: VecDeque::new(),
        }
    }

    /// The connection, if the network carries anything.
    pub fn carrying(&mut self) -> Option<&mut Connection> {
        let up = self.up;
        self.connection.as_mut().filter(|_| up)
    }

    pub fn keep(&mut self, message: &Message) {
        self.old.push_back(message.clone());
        if self.old.len() > OLD_MAX {
            self.old.pop_front();
        }
    }
}
