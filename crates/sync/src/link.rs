//! What an operator sees of a link.

use std::fmt;

use crate::Timestamp;

/// The state of a link, as the puller sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkState {
    /// Never connected since the node started.
    Connecting,
    /// Connected; changes from before the connection are still arriving.
    CatchingUp,
    /// Connected and up to date.
    Connected,
    /// The connection was lost, or nothing was heard for longer than the partition bound.
    Partitioned,
    /// Cut by this node's operator.
    Cut,
    /// The peer refuses the link, or is refused.
    Refused,
}

/// A link's state with its figures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkStatus {
    /// The state.
    pub state: LinkState,
    /// When the state began; of a partition: when the peer was last heard.
    pub since: Timestamp,
    /// Why the link is refused, or what the last attempt met. None when all is well.
    pub reason: Option<String>,
    /// Documents received over it since the node started, those of the system database left out.
    pub documents_received: u64,
    /// What the peer has and this node has not applied yet, as far as the peer has told. None: nobody knows, as while there is no connection.
    pub behind: Option<Backlog>,
    /// When this node last had everything that the peer had told of; before the first time: when the link was last known to work.
    pub complete: Timestamp,
    /// When this node will have everything if it goes on at its present pace. None: it has, or there is no pace yet.
    pub estimate: Option<Timestamp>,
}

impl LinkStatus {
    /// For how long this node has lacked something of the peer's, as far as it can know, in milliseconds.
    pub fn lag_ms(&self, now: Timestamp) -> u64 {
        if self.behind == Some(Backlog::default()) {
            0
        } else {
            now.since(self.complete)
        }
    }
}

/// How much is left of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backlog {
    /// Documents whose newest change is still to come, those of the system database left out. Some of them may have come another way.
    pub documents: u64,
    /// There are more; they were not counted.
    pub more: bool,
}

/// The state in words, as clients print it.
impl fmt::Display for LinkState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching-up",
            Self::Connected => "connected",
            Self::Partitioned => "partitioned",
            Self::Cut => "cut",
            Self::Refused => "refused",
        })
    }
}
