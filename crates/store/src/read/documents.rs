//! Reads of documents.

use rejoin_document::{Base, DatabaseName, DocumentId, Revision, Sequence, Shown};

use super::access::{BYTES_MAX, read_document};
use crate::engine::Family;
use crate::error::{ReadError, StoreError};
use crate::keys::documents;
use crate::keys::revisions::{RevisionKey, RevisionRecord};
use crate::record::StoredDocument;
use crate::state::DatabaseState;
use crate::store::Store;

/// A document as a reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The document.
    pub id: DocumentId,
    /// Where it stands in the log.
    pub sequence: Sequence,
    /// What it shows.
    pub shown: Shown,
}

impl Store {
    /// A document, deleted ones too ([`Shown::deleted`]); `None` if nobody ever wrote it.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn get(&self, database: &DatabaseName, id: &DocumentId) -> Result<Option<Found>, ReadError> {
        let database = self.database(database)?;
        let stored = read_document(self.engine(), &database, id)?;
        Ok(stored.map(|stored| Found {
            id: id.clone(),
            sequence: stored.sequence,
            shown: stored.document.shown(database.rules()),
        }))
    }

    /// Several documents as of one moment, in the order of the ids: as many of the first as fit into 16 MiB on disk, and at least one.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn get_many(&self, database: &DatabaseName, ids: &[DocumentId]) -> Result<Vec<Option<Found>>, ReadError> {
        let database = self.database(database)?;
        let snapshot = self.engine().snapshot();
        let (mut found, mut bytes) = (Vec::new(), 0);
        // One after the other: a thousand of the largest bodies at once would not fit into memory.
        for id in ids {
            let value = snapshot.get(Family::Documents, &documents::key(database.number(), id))?;
            bytes += value.as_ref().map_or(0, Vec::len);
            if bytes > BYTES_MAX && !found.is_empty() {
                break;
            }
            let document = value.map(|value| Found::decode(&database, id.clone(), &value));
            found.push(document.transpose()?);
        }
        Ok(found)
    }

    /// What a reader of a revision had seen: of the current one, or of one that is still kept. `None` if it is not.
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
        }
        let key = RevisionKey {
            number: database.number(),
            id: id.clone(),
            revision: revision.clone(),
        }
        .record();
        let Some(value) = snapshot.get(Family::Revisions, &key)? else {
            return Ok(None);
        };
        Ok(Some(RevisionRecord::decode(revision.clone(), &value)?.base))
    }
}

impl Found {
    /// What a stored value shows.
    pub(super) fn decode(database: &DatabaseState, id: DocumentId, value: &[u8]) -> Result<Self, StoreError> {
        let stored = StoredDocument::decode(value)?;
        Ok(Self {
            id,
            sequence: stored.sequence,
            shown: stored.document.shown(database.rules()),
        })
    }
}
