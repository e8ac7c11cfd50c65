//! How a client settles open conflicts.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, Dot, Object, RequestName, Revision, Value};

use super::Written;
use crate::read::ConflictFilter;

/// A client's resolution.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// The database.
    pub database: DatabaseName,
    /// The document.
    pub id: DocumentId,
    /// The revision whose conflicts the client has read; none: whatever is there.
    pub base: Option<Revision>,
    /// How they are settled.
    pub settling: Settling,
    /// As in [`super::WriteRequest`].
    pub request: Option<RequestName>,
}

/// Which conflicts are settled, and how.
#[derive(Debug, Clone)]
pub enum Settling {
    /// What shall stand at each of some paths in conflict (JSON pointers).
    Paths(Vec<(String, Choice)>),
    /// All, by a new body.
    Body(Arc<Object>),
    /// Those in which an open branch has a value that is not shown: what is shown stays, and the branch is done with.
    Against(Revision),
    /// Those that the filter means and the policy can decide; the others stay open.
    All {
        /// Which.
        filter: ConflictFilter,
        /// How.
        policy: Choice,
    },
}

impl Settling {
    /// Whether it puts values that the document need not have had.
    pub(crate) fn brings_values(&self) -> bool {
        match self {
            Self::Body(_) => true,
            Self::Paths(choices) => choices.iter().any(|(_, choice)| matches!(choice, Choice::Value(_))),
            Self::Against(_) | Self::All { .. } => false,
        }
    }
}

/// What shall stand at a path in conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This value.
    Value(Value),
    /// Nothing; at path `""`: the document is deleted.
    Removed,
    /// What is shown.
    Shown,
    /// The newest candidate, a removal too.
    Newest,
    /// The newest candidate of this datacenter.
    From(DatacenterName),
    /// The candidate of this write.
    Candidate(Dot),
    /// The greatest candidate, if all are numbers.
    Greatest,
    /// The least candidate, if all are numbers.
    Least,
}

/// What a resolution did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The write; none if nothing was to be settled.
    pub written: Option<Written>,
    /// Conflicts that are settled.
    pub settled: u32,
    /// Conflicts of the document that are still open.
    pub left_open: u32,
}
