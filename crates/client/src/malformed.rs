//! An answer that does not keep to the protocol.

use rejoin_document::Revision;
use thiserror::Error;

/// What was wrong with an answer. The node is of another version, or is not a Rejoin node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// A part that every answer carries is not there.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// A part cannot be read.
    #[error("the answer has a {0} that cannot be read")]
    Unreadable(&'static str),
}

/// Reads a revision of an answer.
pub(crate) fn revision(text: &str) -> Result<Revision, Malformed> {
    text.parse().map_err(|_| Malformed::Unreadable("revision"))
}
