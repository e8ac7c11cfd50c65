//! Several writes of one client that happen together, or not at all.
//!
//! They are done one after another like single writes; the first that is refused takes back those before it. Their entries in the log carry the end
//! of the batch, so that whoever reads the log passes all of it on at once.

use std::collections::BTreeMap;

use rejoin_document::{DatabaseName, DocumentId};

use super::group::{DocumentKey, Group};
use super::staged::Staged;
use crate::error::CommitError;
use crate::operation::{Outcome, WriteBatch};
use crate::state::NodeState;

/// What a group was before a batch.
pub(super) struct Savepoint {
    state: NodeState,
    changes: usize,
    growth: BTreeMap<DatabaseName, bool>,
    documents: Vec<(DocumentKey, Staged)>,
}

impl Group<'_> {
    pub(super) fn write_batch(&mut self, batch: WriteBatch) -> Result<Outcome, CommitError> {
        let WriteBatch { database: name, writes } = batch;
        let database = self.database(&name)?;
        let mut keys: Vec<DocumentKey> = Vec::with_capacity(writes.len());
        for write in &writes {
            keys.push(self.load(&database, &write.id)?);
        }
        self.check_weight(&keys)?;
        let savepoint = self.savepoint(&keys);
        let mut written = Vec::with_capacity(writes.len());
        for (place, write) in writes.into_iter().enumerate() {
            let id = write.id.clone();
            let refused = match self.write(write) {
                Ok(Outcome::Written(done)) => {
                    written.push(done);
                    continue;
                }
                Ok(_) => CommitError::Unmatched { id },
                Err(error) => error,
            };
            self.roll_back(savepoint);
            return Err(CommitError::BatchRefused {
                place,
                source: Box::new(refused),
            });
        }
        // What a repeated request names was written before.
        if written.iter().any(|written| !written.repeated) {
            self.join_entries(&name, keys.into_iter().map(|(_, id)| id));
        }
        self.journal = None;
        Ok(Outcome::BatchWritten(written))
    }

    /// Marks the entries that these documents get in the log as one unit.
    pub(super) fn join_entries(&mut self, name: &DatabaseName, ids: impl Iterator<Item = DocumentId>) {
        let mut keys: Vec<DocumentKey> = ids.map(|id| (name.clone(), id)).collect();
        keys.sort_unstable();
        keys.dedup();
        let staged = keys.iter().filter_map(|key| self.documents.get(key));
        let end = staged
            .filter(|staged| staged.changed)
            .map(|staged| staged.sequence)
            .max();
        for key in &keys {
            if let Some(staged) = self.documents.get_mut(key).filter(|staged| staged.changed) {
                staged.unit_end = end.filter(|_| keys.len() > 1);
            }
        }
    }

    /// The states of a batch travel in one message, so they are bounded together.
    fn check_weight(&self, keys: &[DocumentKey]) -> Result<(), CommitError> {
        let stored = keys.iter().filter_map(|key| self.documents.get(key)?.before.as_ref());
        let bytes = stored.map(|before| before.bytes).fold(0usize, usize::saturating_add);
        let bytes_max = self.options.batch_bytes_max;
        if bytes > bytes_max {
            return Err(CommitError::BatchTooLarge { bytes, bytes_max });
        }
        Ok(())
    }

    fn savepoint(&mut self, keys: &[DocumentKey]) -> Savepoint {
        self.journal = Some(Vec::new());
        let documents = keys
            .iter()
            .filter_map(|key| Some((key.clone(), self.documents.get(key)?.clone())));
        Savepoint {
            state: self.state.clone(),
            changes: self.batch.len(),
            growth: self.grown.clone(),
            documents: documents.collect(),
        }
    }

    fn roll_back(&mut self, savepoint: Savepoint) {
        let Savepoint {
            state,
            changes,
            growth,
            documents,
        } = savepoint;
        (self.state, self.grown) = (state, growth);
        self.batch.truncate(changes);
        self.documents.extend(documents);
        for (key, before) in self.journal.take().into_iter().flatten().rev() {
            match before {
                Some(record) => drop(self.revisions.insert(key, record)),
                None => drop(self.revisions.remove(&key)),
            }
        }
    }
}
