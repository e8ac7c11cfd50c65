//! What can be wrong with a message of a peer.

use rejoin_api::ConvertError;
use rejoin_document::NameError;
use thiserror::Error;

/// Why a message cannot be understood. The connection is given up; nothing of the message was used.
#[derive(Debug, Error)]
pub enum WireError {
    /// A field that must be set is not.
    #[error("a message lacks its field {0}")]
    Missing(&'static str),
    /// A name breaks its rule.
    #[error("a message holds a bad name")]
    Name(#[from] NameError),
    /// A dot or a version vector is not well formed.
    #[error("a message holds a bad dot")]
    Dot(#[from] ConvertError),
    /// A hash, an id or a list has another length than it must have.
    #[error("the field {0} has a wrong length")]
    Length(&'static str),
    /// The peer gives a reason that this version does not know.
    #[error("the peer refuses the link for a reason that this version does not know")]
    UnknownRefusal,
    /// A machine wants to send what only the other side sends.
    #[error("the message does not go this way")]
    Direction,
}
