//! Reads of documents.

use rejoin_document::{Base, DatabaseName, DocumentId, Revision, Sequence, Shown, VersionVector};

use super::Page;
use super::access::{Budget, read_document};
use crate::engine::{Family, KeyRange};
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

    /// Several documents as of one moment, in the order of the ids.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn get_many(&self, database: &DatabaseName, ids: &[DocumentId]) -> Result<Vec<Option<Found>>, ReadError> {
        let database = self.database(database)?;
        let keys: Vec<_> = ids.iter().map(|id| documents::key(database.number(), id)).collect();
        let values = self.engine().snapshot().multi_get(Family::Documents, &keys)?;
        let found = ids
            .iter()
            .zip(values)
            .map(|(id, value)| value.map(|value| found(&database, id.clone(), &value)).transpose());
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Documents that are not deleted, in ascending order of their ids, after `after`.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn list(
        &self,
        database: &DatabaseName,
        after: Option<&DocumentId>,
        limit: usize,
    ) -> Result<Page<Found>, ReadError> {
        let database = self.database(database)?;
        let prefix = database.number().prefix();
        let range = match after {
            Some(after) => KeyRange::prefix_after(&prefix, &documents::key(database.number(), after)),
            None => KeyRange::prefix(&prefix),
        };
        let mut page = Page {
            items: Vec::new(),
            next: None,
            context: VersionVector::new(),
        };
        let mut budget = Budget::default();
        for entry in self.engine().scan(Family::Documents, range) {
            if page.items.len() >= limit.max(1) || budget.is_spent() {
                return Ok(page);
            }
            let (key, value) = entry?;
            budget.spend(value.len());
            let (_, id) = documents::decode_key(&key)?;
            page.next = Some(id.clone());
            let found = found(&database, id, &value)?;
            page.context.merge(&found.context);
            if !found.shown.deleted {
                page.items.push(found);
            }
        }
        page.next = None;
        Ok(page)
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

fn found(database: &DatabaseState, id: DocumentId, value: &[u8]) -> Result<Found, StoreError> {
    let stored = StoredDocument::decode(value)?;
    Ok(Found {
        id,
        sequence: stored.sequence,
        shown: stored.document.shown(database.rules()),
        context: stored.document.context().clone(),
    })
}
