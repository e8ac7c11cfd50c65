//! What a document showed before.

use std::sync::Arc;

use rejoin_document::{
    Base, DatabaseName, DocumentId, Dot, HlcTime, Object, OpenConflict, Revision, Sequence, VersionVector,
};

use super::access::{Budget, read_document};
use crate::commit::all_candidates;
use crate::engine::{Family, KeyRange, Read};
use crate::error::{ReadError, StoreError};
use crate::keys::revisions::{self, RevisionEntry};
use crate::keys::superseded::RevisionRecord;
use crate::record::StoredDocument;
use crate::state::DatabaseState;
use crate::store::Store;

/// Some revisions of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Newest first: the current one, if the page begins there, then superseded ones.
    pub revisions: Vec<KeptRevision>,
    /// Go on below this sequence; `None` at the end of the history. A page may be short and still have a next one: its bytes are bounded too.
    pub next: Option<Sequence>,
    /// Every write that the document has incorporated.
    pub context: VersionVector,
}

/// A revision that this node shows or has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRevision {
    /// Its id.
    pub revision: Revision,
    /// Whether the document was deleted.
    pub deleted: bool,
    /// Its newest write.
    pub dot: Option<Dot>,
    /// When something else was shown; `None` of the current one.
    pub superseded: Option<HlcTime>,
    /// What it held, if that was asked for.
    pub body: Option<KeptBody>,
}

/// What a revision held.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptBody {
    /// What it showed; `None` of a deletion.
    pub shown: Option<Arc<Object>>,
    /// All candidates of every path with more than one, whatever the rules: open conflicts, and what a rule set aside.
    pub set_aside: Vec<OpenConflict>,
    /// Candidates that are not listed here because they were large: the revision that came after has them still.
    pub left_out: u32,
}

impl Store {
    /// The revisions of a document that are kept, newest first: from the current one on, or those below a sequence. `None` if nobody ever wrote
    /// the document.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn history(
        &self,
        database: &DatabaseName,
        id: &DocumentId,
        below: Option<Sequence>,
        limit: usize,
        bodies: bool,
    ) -> Result<Option<History>, ReadError> {
        let database = self.database(database)?;
        // One moment for all: a revision that is superseded in between must not be missed.
        let snapshot = self.engine().snapshot();
        let Some(stored) = read_document(snapshot.as_ref(), &database, id)? else {
            return Ok(None);
        };
        let (mut revisions, mut budget) = (Vec::new(), Budget::default());
        // What is superseded from now on has a higher sequence than the document has now.
        let mut last = below.unwrap_or(Sequence(stored.sequence.0.saturating_add(1)));
        if below.is_none() {
            budget.spend(stored.bytes);
            revisions.push(current(&stored, &database, bodies));
        }
        let range = revisions::history_below(database.number(), id, last);
        for entry in snapshot.scan(Family::Revisions, range) {
            if revisions.len() >= limit.max(1) || budget.is_spent() {
                return Ok(Some(History {
                    revisions,
                    next: Some(last),
                    context: stored.document.context().clone(),
                }));
            }
            let (key, value) = entry?;
            last = RevisionEntry::decode(&key, &value)?.key.sequence;
            let (revision, bytes) = kept(snapshot.as_ref(), &key, &value, bodies)?;
            budget.spend(bytes);
            revisions.push(revision);
        }
        Ok(Some(History {
            revisions,
            next: None,
            context: stored.document.context().clone(),
        }))
    }

    /// What a reader of a revision had seen: of the current one, of an open branch, or of one that is still kept. `None` if it is not.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn base(
        &self,
        database: &DatabaseName,
        id: &DocumentId,
        revision: &Revision,
    ) -> Result<Option<Base>, ReadError> {
        let database = self.database(database)?;
        // One moment for both: a revision that is superseded in between must not be missed.
        let snapshot = self.engine().snapshot();
        if let Some(stored) = read_document(snapshot.as_ref(), &database, id)? {
            let base = stored.document.base(database.rules());
            if base.revision.as_ref() == Some(revision) {
                return Ok(Some(base));
            }
            let branches = stored.document.heads();
            if let Some(open) = branches
                .iter()
                .find(|open| open.dot.is_none() && open.revision == revision)
            {
                return Ok(Some(Base {
                    revision: Some(revision.clone()),
                    context: stored.document.context().clone(),
                    body: (!open.deleted).then(|| Arc::clone(open.body)),
                }));
            }
        }
        let range = KeyRange::prefix(&revisions::records_of(database.number(), id, revision));
        let Some(entry) = snapshot.scan(Family::Revisions, range).next() else {
            return Ok(None);
        };
        Ok(Some(RevisionRecord::decode(revision.clone(), &entry?.1)?.base))
    }
}

/// The revision of an entry of a history, with what it held if that is asked for, and the bytes that were read.
pub(super) fn kept(
    read: &dyn Read,
    key: &[u8],
    value: &[u8],
    bodies: bool,
) -> Result<(KeptRevision, usize), StoreError> {
    let entry = RevisionEntry::decode(key, value)?;
    let (body, bytes) = match bodies {
        true => read_body(read, &entry)?,
        false => (None, value.len()),
    };
    let revision = KeptRevision {
        revision: entry.key.revision,
        deleted: entry.deleted,
        dot: Some(entry.dot),
        superseded: Some(entry.superseded),
        body,
    };
    Ok((revision, bytes))
}

fn current(stored: &StoredDocument, database: &DatabaseState, bodies: bool) -> KeptRevision {
    let shown = stored.document.shown(database.rules());
    let body = bodies.then(|| KeptBody {
        shown: (!shown.deleted).then(|| Arc::clone(&shown.body)),
        set_aside: all_candidates(&stored.document, &shown),
        left_out: 0,
    });
    KeptRevision {
        revision: shown.revision,
        deleted: shown.deleted,
        dot: stored.document.newest(),
        superseded: None,
        body,
    }
}

/// What a superseded revision held, and the bytes that were read. The record is written and dropped together with the entry.
fn read_body(read: &dyn Read, entry: &RevisionEntry) -> Result<(Option<KeptBody>, usize), StoreError> {
    let Some(value) = read.get(Family::Revisions, &entry.key.record())? else {
        return Ok((None, 0));
    };
    let record = RevisionRecord::decode(entry.key.revision.clone(), &value)?;
    let body = KeptBody {
        shown: record.base.body,
        set_aside: record.set_aside,
        left_out: record.left_out,
    };
    Ok((Some(body), value.len()))
}
