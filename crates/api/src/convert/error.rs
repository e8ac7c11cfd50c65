//! What can be wrong with a message that has the right shape.

use rejoin_document::RuleError;
use thiserror::Error;

use crate::Reason;

/// Why a message cannot become a value of the document model. Nothing was done with it.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// A replica id has another length than 8 bytes.
    #[error("a replica id has 8 bytes, not {found}")]
    ReplicaLength {
        /// Its length.
        found: usize,
    },
    /// A version vector names a replica twice, or with time 0.
    #[error("a version vector names each replica once, with a time above 0")]
    VectorEntry,
    /// The rules do not fit together, or a path is not a JSON pointer.
    #[error("the merge rules are not valid")]
    Rules(#[from] RuleError),
    /// A number stands for no rule that this version knows.
    #[error("{number} is not a merge rule of this version")]
    UnknownRule {
        /// The number.
        number: i32,
    },
}

impl ConvertError {
    /// The reason that a node gives when a client sends such a message.
    pub fn reason(&self) -> Reason {
        match self {
            Self::ReplicaLength { .. } | Self::VectorEntry => Reason::InvalidMessage,
            Self::Rules(_) | Self::UnknownRule { .. } => Reason::InvalidRule,
        }
    }
}
