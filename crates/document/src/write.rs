//! A client's write, as it enters a commit, and what comes out.

use std::sync::Arc;

use crate::requests::Remembered;
use crate::{Document, Dot, Object, RequestName, Revision, Shown, VersionVector};

/// What to do where the client's change meets one that it had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Write nothing and report the conflict.
    #[default]
    Refuse,
    /// Keep both as siblings, listed as a conflict. A delete of what the client has not read is refused all the same, and so is a write over a delete
    /// or a removal that it has not read: other datacenters may have forgotten that by now, and would not list it.
    Keep,
    /// As the executable definition does it: over unread removals too.
    #[cfg(test)]
    KeepAll,
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
    /// What a delete leaves behind, in granularity `document`: as in CouchDB its revision follows from it, and it can be read there.
    pub tombstone: Option<Arc<Object>>,
    /// What to do about unseen changes.
    pub on_conflict: OnConflict,
    /// The request that it answers, which the document then remembers.
    pub request: Option<RequestName>,
    /// The writes that every member is known to have, as far as that is known: the requests among them are done nowhere else any more.
    pub everywhere: Option<&'a VersionVector>,
}

/// The state after a write, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The new state.
    pub document: Document,
    /// What it shows under the rules of the commit.
    pub shown: Shown,
}

impl Committed {
    /// Makes the document remember the request that the write answers.
    pub(crate) fn remember(&mut self, name: RequestName, dot: Dot, merged: bool) {
        let remembered = Remembered {
            name,
            revision: self.shown.revision.clone(),
            checksum: self.shown.checksum(),
            merged,
        };
        let (context, requests) = match &mut self.document {
            Document::Fields(document) => (&document.context, &mut document.requests),
            Document::Tree(document) => (&document.context, &mut document.requests),
        };
        requests.by_dot.insert(dot, remembered);
        requests.shorten(context);
    }
}
