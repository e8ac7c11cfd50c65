//! Why a write was refused. Nothing was written.

use std::sync::Arc;

use thiserror::Error;

use crate::{Object, Revision, Value};

/// Why a write was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// The client changed what somebody else had changed meanwhile. Read the document again, or let both stand.
    #[error("the document was changed meanwhile (it is at {} now)", .0.revision)]
    Conflict(Box<ConflictReport>),
    /// A counter was given a number that is not an integer of 64 bits.
    #[error("the counter at `{path}` takes integers of 64 bits only; send a whole number")]
    CounterNotInteger {
        /// JSON pointer of the counter.
        path: String,
    },
    /// A resolution names a path where there is nothing to settle.
    #[error("{} is not in conflict; `rejoin conflicts` lists what is, and an ordinary write changes what is not", place_in_words(.path))]
    NotInConflict {
        /// JSON pointer.
        path: String,
    },
    /// A resolution by a whole body of a document where there is nothing to settle.
    #[error("the document is not in conflict; change it by an ordinary write")]
    NothingInConflict,
    /// What a resolution chooses cannot stand there: what holds it is settled otherwise, or it is of the wrong kind.
    #[error("the choice for {} cannot stand there; settle what holds it first, and read the conflicts again", place_in_words(.path))]
    CannotStand {
        /// JSON pointer.
        path: String,
    },
}

/// A path in a sentence: in quotes, and in words where it is the empty one.
pub fn place_in_words(path: &str) -> String {
    if path.is_empty() {
        return "the document as a whole".to_owned();
    }
    format!("`{path}`")
}

/// Both sides of a refused write, for the client to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictReport {
    /// Every path that both sides changed, ascending; `""` stands for the whole document.
    pub conflicts: Vec<PathConflict>,
    /// The refused body; `None` for a delete.
    pub yours: Option<Arc<Object>>,
    /// The body that is shown now; `None` if the document is deleted.
    pub ours: Option<Arc<Object>>,
    /// The body that the client had read; `None` if the document was absent or deleted then.
    pub base: Option<Arc<Object>>,
    /// The revision that is shown now.
    pub revision: Revision,
}

/// One path that both sides changed. A value is `None` where nothing stands at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathConflict {
    /// JSON pointer (RFC 6901).
    pub path: String,
    /// What the client had read.
    pub base_value: Option<Value>,
    /// What is shown now.
    pub our_value: Option<Value>,
    /// What the client wants.
    pub your_value: Option<Value>,
}
