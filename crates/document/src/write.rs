//! A client's write, as it enters a commit, and what comes out.

use std::sync::Arc;

use crate::{Document, Dot, Object, Revision, Shown, VersionVector};

/// What to do where the client's change meets one that it had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Write nothing and report the conflict.
    #[default]
    Refuse,
    /// Keep both as siblings, listed as a conflict. A delete of what the client has not read, and a write over a delete that it has not read, are
    /// refused all the same.
    Keep,
}

/// What the writer had read, which the write is based on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base {
    /// The revision that was shown; `None` if there was no write yet.
    pub revision: Option<Revision>,
    /// The writes that were shown.
    pub context: VersionVector,
    /// The body that was shown; `None` if the document was absent or deleted.
    pub body: Option<Arc<Object>>,
}

/// A client's write.
#[derive(Debug, Clone)]
pub struct Write<'a> {
    /// The write's name: later than every earlier write of its replica.
    pub dot: Dot,
    /// What the client had read.
    pub base: &'a Base,
    /// The whole new body; `None` deletes.
    pub body: Option<Arc<Object>>,
    /// What to do about unseen changes.
    pub on_conflict: OnConflict,
    /// Give every shown leaf the new dot: on a node that came back with an older disk, until it has caught up.
    pub stamp_all: bool,
}

/// The state after a write, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The new state.
    pub document: Document,
    /// What it shows under the rules of the commit.
    pub shown: Shown,
}
