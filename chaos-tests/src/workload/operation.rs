//! What a client is to do next, without saying how: the same for a store, a node and a process.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::view::Body;

/// One step of one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Store a document; refused where one is.
    Create {
        /// The document's id.
        document: String,
        /// The whole body.
        body: Body,
    },
    /// Replace the body by the one that was read, with changes. Where nothing was read, the changes make a document.
    Update {
        /// The document's id.
        document: String,
        /// What the client builds on.
        base: Base,
        /// What it changes of that.
        changes: Vec<Change>,
        /// What is to be done where the base is no longer current.
        on_conflict: OnConflict,
    },
    /// As an update, but only the changes are sent, as a merge patch of the base.
    Patch {
        /// The document's id.
        document: String,
        /// What the client builds on.
        base: Base,
        /// What it changes of that.
        changes: Vec<Change>,
        /// What is to be done where the base is no longer current.
        on_conflict: OnConflict,
    },
    /// Delete what was read; nothing where nothing was.
    Delete {
        /// The document's id.
        document: String,
        /// What the client builds on.
        base: Base,
    },
    /// Add to a counter without reading it; an absent document begins empty.
    Increment {
        /// The document's id.
        document: String,
        /// JSON pointer of the counter.
        path: String,
        /// The difference.
        by: i64,
        /// The request id, under which a write without an answer is sent again.
        request: Option<String>,
    },
    /// Add an element to a set without reading it; an absent document begins empty.
    Add {
        /// The document's id.
        document: String,
        /// JSON pointer of the set.
        path: String,
        /// The element, a text that no other write carries.
        element: String,
    },
    /// Take out of a set an element that is read just before; nothing where it is empty.
    Discard {
        /// The document's id.
        document: String,
        /// JSON pointer of the set.
        path: String,
        /// Which of the elements, counted round.
        index: u32,
    },
    /// Do all of these writes, of different documents, or none.
    Batch {
        /// Creations, updates and deletes that build on what is read just before.
        writes: Vec<Operation>,
    },
    /// Read a document.
    Read {
        /// The document's id.
        document: String,
    },
    /// Read several documents on one snapshot.
    ReadMany {
        /// Their ids.
        documents: Vec<String>,
    },
    /// Settle an open conflict of what is read just before; nothing where none is open.
    Resolve {
        /// The document's id.
        document: String,
        /// Which of its conflicts, counted round.
        index: u32,
        /// How.
        choice: Choice,
    },
    /// Go on at another datacenter, with the same session.
    FailOver {
        /// Which of the others, counted round from the client's own place.
        to: u32,
    },
}

/// What a client builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// A read that is made for it.
    Fresh,
    /// What the client read of the document so many reads ago, or the oldest that it remembers; a fresh read where it has read nothing.
    Remembered(u32),
}

/// What is to be done where the base is no longer current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Merge; refuse where both changed the same path.
    Merge,
    /// Refuse.
    RejectStale,
    /// Merge; keep both values where both changed the same path.
    KeepBranch,
}

impl From<OnConflict> for rejoin_client::OnConflict {
    fn from(on_conflict: OnConflict) -> Self {
        match on_conflict {
            OnConflict::Merge => Self::Merge,
            OnConflict::RejectStale => Self::RejectStale,
            OnConflict::KeepBranch => Self::KeepBranch,
        }
    }
}

/// How a conflict is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// What is shown stays.
    Shown,
    /// One of the candidates, counted round.
    Candidate(u32),
    /// This text, which no other write carries.
    Value(String),
}

impl Operation {
    /// The documents that it is about.
    pub fn documents(&self) -> Vec<&str> {
        match self {
            Self::Create { document, .. }
            | Self::Update { document, .. }
            | Self::Patch { document, .. }
            | Self::Delete { document, .. }
            | Self::Increment { document, .. }
            | Self::Add { document, .. }
            | Self::Discard { document, .. }
            | Self::Read { document }
            | Self::Resolve { document, .. } => vec![document],
            Self::Batch { writes } => writes.iter().flat_map(Self::documents).collect(),
            Self::ReadMany { documents } => documents.iter().map(String::as_str).collect(),
            Self::FailOver { .. } => Vec::new(),
        }
    }
}
