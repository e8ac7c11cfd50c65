//! News of databases whose logs grew.

use rejoin_document::{DatabaseName, Sequence};

/// A database's log has grown to this sequence. Several changes of one group are one piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The database.
    pub database: DatabaseName,
    /// Its newest sequence.
    pub sequence: Sequence,
    /// Whether a client of this node wrote; false: everything came from peers.
    pub local: bool,
}
