//! Reads of documents.

use rejoin_document::{DatabaseName, DocumentId, Sequence, Shown, VersionVector};

use super::access::{BYTES_MAX, read_document};
use crate::engine::Family;
use crate::error::{ReadError, StoreError};
use crate::keys::documents;
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
    /// Every write that it has incorporated.
    pub context: VersionVector,
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
            context: stored.document.context().clone(),
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
}

impl Found {
    /// What a stored value shows.
    pub(super) fn decode(database: &DatabaseState, id: DocumentId, value: &[u8]) -> Result<Self, StoreError> {
        let stored = StoredDocument::decode(value)?;
        Ok(Self {
            id,
            sequence: stored.sequence,
            context: stored.document.context().clone(),
            shown: stored.document.shown(database.rules()),
        })
    }
}
