//! States that could not be applied.

use rejoin_document::{DatabaseName, DocumentId};

use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::quarantine::{self, QuarantineRecord};
use crate::store::Store;

/// A state that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedState {
    /// The document.
    pub id: DocumentId,
    /// Why it cannot be applied here.
    pub reason: String,
    /// Its bytes, as they came.
    pub state: Vec<u8>,
}

impl Store {
    /// The first states in quarantine, in ascending order of the lengths of their ids, then of the ids.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn quarantined(&self, database: &DatabaseName, limit: usize) -> Result<Vec<QuarantinedState>, ReadError> {
        let database = self.held(database)?;
        let mut states = Vec::new();
        for entry in self
            .engine()
            .scan(Family::Quarantine, KeyRange::prefix(&database.number().prefix()))
            .take(limit)
        {
            let (key, value) = entry?;
            let (_, id, _) = quarantine::decode_key(&key)?;
            let record = QuarantineRecord::decode(&value)?;
            states.push(QuarantinedState {
                id,
                reason: record.reason,
                state: record.state,
            });
        }
        Ok(states)
    }

    /// How many states of a database are in quarantine; none of one that is unknown.
    pub fn quarantined_states(&self, database: &DatabaseName) -> u64 {
        self.held(database).map_or(0, |database| database.record.quarantined)
    }
}
