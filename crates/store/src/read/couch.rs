//! What a client of CouchDB's protocol reads beside documents: open and old revisions, and documents that stay here.

use rejoin_document::{
    DatabaseName, Document, DocumentId, Leaf, Object, Revision, RevisionBody, Sequence, Shown, parse_stored_value,
};

use super::access::read_document;
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::revisions::{self, RevisionEntry};
use crate::keys::superseded::RevisionRecord;
use crate::keys::{CorruptRecord, local};
use crate::store::Store;

/// Entries of a history that are looked through for a generation at most.
const GENERATIONS_MAX: usize = 1000;

/// A document with all of its open revisions.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Where it stands in the log.
    pub sequence: Sequence,
    /// What it shows.
    pub shown: Shown,
    /// The open revisions, the winner first.
    pub leaves: Vec<Leaf>,
    state: Document,
}

impl Opened {
    /// What an open revision holds; `None` if it is not open.
    pub fn body(&self, revision: &Revision) -> Option<RevisionBody> {
        self.state.open_revision(revision, &self.shown)
    }

    /// The revisions that an open one grew from, newest first, as far as they are kept.
    pub fn ancestors(&self, revision: &Revision) -> Vec<Revision> {
        self.state.ancestors(revision, &self.shown)
    }

    /// Whether the revision is open, or an ancestor of one that is, or closes one.
    pub fn knows(&self, revision: &Revision) -> bool {
        self.leaves.iter().any(|leaf| leaf.revision == *revision) || self.state.knows_revision(revision)
    }
}

impl Store {
    /// A document with its open revisions; `None` if nobody ever wrote it.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn opened(&self, database: &DatabaseName, id: &DocumentId) -> Result<Option<Opened>, ReadError> {
        let database = self.database(database)?;
        let stored = read_document(self.engine(), &database, id)?;
        Ok(stored.map(|stored| {
            let shown = stored.document.shown(database.rules());
            Opened {
                sequence: stored.sequence,
                leaves: stored.document.leaves(&shown),
                shown,
                state: stored.document,
            }
        }))
    }

    /// What a revision holds that the document has shown and that is still kept, though nothing shows it now; `None` if it is not.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn kept_revision(
        &self,
        database: &DatabaseName,
        id: &DocumentId,
        revision: &Revision,
    ) -> Result<Option<RevisionBody>, ReadError> {
        let database = self.database(database)?;
        let range = KeyRange::prefix(&revisions::records_of(database.number(), id, revision));
        let snapshot = self.engine().snapshot();
        let Some(entry) = snapshot.scan(Family::Revisions, range).next() else {
            return Ok(None);
        };
        let RevisionRecord { base, left, .. } = RevisionRecord::decode(revision.clone(), &entry?.1)?;
        Ok(Some(RevisionBody {
            deleted: base.body.is_none(),
            body: base.body.unwrap_or(left),
        }))
    }

    /// The newest revision of a generation that the document shows or has shown, if it is kept; among the newest 1,000 of its history.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn revision_of_generation(
        &self,
        database: &DatabaseName,
        id: &DocumentId,
        generation: u64,
    ) -> Result<Option<Revision>, ReadError> {
        let database = self.database(database)?;
        let snapshot = self.engine().snapshot();
        let Some(stored) = read_document(snapshot.as_ref(), &database, id)? else {
            return Ok(None);
        };
        let shown = stored.document.shown(database.rules()).revision;
        if shown.generation == generation {
            return Ok(Some(shown));
        }
        let history = snapshot.scan(Family::Revisions, revisions::history(database.number(), id));
        for entry in history.take(GENERATIONS_MAX) {
            let (key, value) = entry?;
            let revision = RevisionEntry::decode(&key, &value)?.key.revision;
            if revision.generation == generation {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// The ids of documents that stay here, ascending bytewise: at most `limit` (one at least) above `after`; an empty `after` is below all.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn locals(&self, database: &DatabaseName, after: &str, limit: usize) -> Result<Vec<String>, ReadError> {
        let database = self.database(database)?;
        let mut range = KeyRange::prefix(&local::key(database.number(), ""));
        if !after.is_empty() {
            // The least key above it.
            range.from = local::key(database.number(), &format!("{after}\0"));
        }
        let entries = self.engine().scan(Family::Local, range).take(limit.max(1));
        let ids = entries.map(|entry| Ok(local::id_of(database.number(), &entry?.0)?));
        ids.collect()
    }

    /// A document that stays here, with the count of its writes.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn local(&self, database: &DatabaseName, id: &str) -> Result<Option<(u64, Object)>, ReadError> {
        let database = self.database(database)?;
        let Some(value) = self.engine().get(Family::Local, &local::key(database.number(), id))? else {
            return Ok(None);
        };
        let (count, body) = local::decode(&value)?;
        let corrupt = |detail: String| CorruptRecord {
            family: Family::Local,
            detail,
        };
        match parse_stored_value(body) {
            Ok(rejoin_document::Value::Object(body)) => Ok(Some((count, body))),
            Ok(_) => Err(corrupt("not an object".to_owned()).into()),
            Err(error) => Err(corrupt(error.to_string()).into()),
        }
    }
}
