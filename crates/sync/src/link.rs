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
