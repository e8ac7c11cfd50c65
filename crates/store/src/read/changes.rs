//! The log as clients follow it.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId, Leaf, Object, Sequence, Shown};

use super::access::{Budget, read_document};
use crate::engine::Family;
use crate::error::ReadError;
use crate::keys::changes::{self, ChangeEntry};
use crate::store::Store;

/// A document's newest change.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentChange {
    /// Where it stands in the log.
    pub sequence: Sequence,
    /// The document.
    pub id: DocumentId,
    /// What it shows, deleted or not.
    pub shown: Shown,
    /// What the deletion that it shows has left behind; empty if there is none.
    pub left: Arc<Object>,
    /// The open revisions, the winner first.
    pub leaves: Vec<Leaf>,
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The changes in ascending order of their sequences; one per document.
    pub changes: Vec<DocumentChange>,
    /// Go on from here.
    pub to: Sequence,
    /// Whether this is the end of the log at present.
    pub finished: bool,
}

impl Store {
    /// The documents that changed after a sequence, in the order of their newest changes.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn changes(&self, database: &DatabaseName, since: Sequence, limit: usize) -> Result<Changes, ReadError> {
        let database = self.database(database)?;
        let snapshot = self.engine().snapshot();
        let mut read = Changes {
            changes: Vec::new(),
            to: since,
            finished: false,
        };
        let mut budget = Budget::default();
        for entry in snapshot.scan(Family::Changes, changes::range_after(database.number(), since)) {
            if read.changes.len() >= limit.max(1) || budget.is_spent() {
                return Ok(read);
            }
            let (key, value) = entry?;
            let (_, sequence) = changes::decode_key(&key)?;
            read.to = sequence;
            let stored = match ChangeEntry::decode(&value)? {
                ChangeEntry::Document(id, _) => {
                    read_document(snapshot.as_ref(), &database, &id)?.map(|stored| (id, stored))
                }
                ChangeEntry::Quarantined(..) => None,
            };
            budget.spend(stored.as_ref().map_or(0, |(_, stored)| stored.bytes));
            if let Some((id, stored)) = stored {
                let shown = stored.document.shown(database.rules());
                read.changes.push(DocumentChange {
                    sequence,
                    id,
                    left: stored.document.left(&shown),
                    leaves: stored.document.leaves(&shown),
                    shown,
                });
            }
        }
        read.finished = true;
        Ok(read)
    }
}
