//! States that could not be applied.

use rejoin_document::{DatabaseName, DocumentId, HlcTime};

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

/// A state that was set aside, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// The document.
    pub id: DocumentId,
    /// Names the state among those of the document.
    pub hash: [u8; 8],
    /// Why it cannot be applied here.
    pub reason: String,
    /// When it was set aside, by this node's clock. None: by a version that did not note it.
    pub since: Option<HlcTime>,
    /// The peer that sent it, who may have it from another. None: not noted.
    pub peer: Option<String>,
    /// How large it is.
    pub bytes: u64,
}

impl Store {
    /// The next states in quarantine after one of a document, at most so many, in ascending order of the lengths of their ids, then of the ids.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn quarantine(
        &self,
        database: &DatabaseName,
        after: Option<(&DocumentId, [u8; 8])>,
        limit: usize,
    ) -> Result<Vec<QuarantineEntry>, ReadError> {
        let database = self.held(database)?;
        let prefix = database.number().prefix();
        let range = match after {
            Some((id, hash)) => KeyRange::prefix_after(&prefix, &quarantine::key(database.number(), id, hash)),
            None => KeyRange::prefix(&prefix),
        };
        let mut entries = Vec::new();
        for entry in self.engine().scan(Family::Quarantine, range).take(limit) {
            let (key, value) = entry?;
            let (_, id, hash) = quarantine::decode_key(&key)?;
            let record = QuarantineRecord::decode(&value)?;
            entries.push(QuarantineEntry {
                id,
                hash,
                reason: record.reason,
                since: Some(record.since).filter(|since| *since > HlcTime::ZERO),
                peer: Some(record.peer).filter(|peer| !peer.is_empty()),
                bytes: record.state.len() as u64,
            });
        }
        Ok(entries)
    }

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
