//! What a reader sees of a document: the merged body, its revision, and every path where somebody has to choose.

use std::sync::Arc;

use crate::{Checksum, Dot, Object, Revision, Value};

/// A document as its readers see it under given rules. Equal states show equally on every node that holds the same rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// One branch: that write's own revision. Several: the merge revision that every node computes alike. Of a document without any write it has
    /// generation 0.
    pub revision: Revision,
    /// Has every branch deleted the document? Also true of a document without any write.
    pub deleted: bool,
    /// The merged body; empty when deleted. Members come in the order of the highest branch, then bytewise.
    pub body: Arc<Object>,
    /// Every path with an open conflict, ascending by path.
    pub conflicts: Vec<OpenConflict>,
}

/// A path where concurrent writes disagree. It stays listed until a client changes that path or resolves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenConflict {
    /// JSON pointer (RFC 6901); `""` is the document as a whole: a delete that met an edit, or (in granularity `document`) several open revisions.
    pub path: String,
    /// All candidates, oldest first.
    pub candidates: Vec<Candidate>,
    /// What the body shows at the path; `None` if nothing.
    pub shown: Option<Value>,
}

/// One of the writes that compete for a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The write.
    pub dot: Dot,
    /// The open branch that carries it: the one that the write made, else one whose author had seen it.
    pub revision: Revision,
    /// What it did.
    pub kind: CandidateKind,
}

/// What a competing write did to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateKind {
    /// Put this value there.
    Value(Value),
    /// Removed the member.
    Removed,
    /// At path `""`: deleted the document (`true`), or edited it meanwhile (`false`).
    Deleted(bool),
}

impl Shown {
    /// The checksum of the body: the same for equal content, whatever the order of members, on every node and version.
    pub fn checksum(&self) -> Checksum {
        Checksum::of(&self.body)
    }

    /// The open conflict at a path: a document may have as many as it has leaves.
    pub fn conflict_at(&self, path: &str) -> Option<&OpenConflict> {
        let place = self
            .conflicts
            .binary_search_by(|conflict| conflict.path.as_str().cmp(path));
        self.conflicts.get(place.ok()?)
    }
}
