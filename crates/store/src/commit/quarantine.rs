//! States that cannot be applied here are kept as they came, and forwarded through change entries of their own.

use std::collections::BTreeMap;

use rejoin_document::Sequence;

use super::group::{DocumentKey, Group};
use crate::engine::{Family, KeyRange};
use crate::error::StoreError;
use crate::keys::changes::{self, ChangeEntry};
use crate::keys::quarantine::{self, QuarantineRecord};
use crate::operation::Item;
use crate::state::DatabaseState;

impl Group<'_> {
    /// Reads which states of a document are in quarantine, unless the group knows.
    pub(super) fn load_quarantine(&mut self, database: &DatabaseState, key: &DocumentKey) -> Result<(), StoreError> {
        if self.quarantine.contains_key(key) {
            return Ok(());
        }
        let mut states = BTreeMap::new();
        let range = KeyRange::prefix(&quarantine::prefix(database.number(), &key.1));
        for entry in self.engine.scan(Family::Quarantine, range) {
            let (place, value) = entry?;
            states.insert(
                quarantine::decode_key(&place)?.2,
                QuarantineRecord::decode(&value)?.sequence,
            );
        }
        self.quarantine.insert(key.clone(), states);
        Ok(())
    }

    /// Sets a state aside. One that is there already stays where it is.
    pub(super) fn set_aside(&mut self, key: &DocumentKey, item: &Item, reason: &str) {
        tracing::warn!(database = %key.0, document_id = %key.1, reason, "a state from a peer is set aside");
        let hash = state_hash(&item.state);
        let Some(database) = self.state.database_mut(&key.0) else {
            return;
        };
        let states = self.quarantine.entry(key.clone()).or_default();
        if states.contains_key(&hash) {
            return;
        }
        let (number, sequence) = (database.number(), database.next_sequence());
        states.insert(hash, sequence);
        database.record.quarantined += 1;
        let record = QuarantineRecord {
            sequence,
            reason: reason.to_owned(),
            state: item.state.to_vec(),
        };
        self.batch.put(
            Family::Quarantine,
            quarantine::key(number, &key.1, hash),
            record.encode(),
        );
        self.batch.put(
            Family::Changes,
            changes::key(number, sequence),
            ChangeEntry::Quarantined(key.1.clone(), hash).encode(),
        );
        self.grown.entry(key.0.clone()).or_default();
        let oldest = states
            .iter()
            .min_by_key(|(_, sequence)| **sequence)
            .map(|(hash, sequence)| (*hash, *sequence));
        if let Some((hash, sequence)) = oldest.filter(|_| states.len() > self.options.quarantined_states_max) {
            states.remove(&hash);
            database.record.quarantined = database.record.quarantined.saturating_sub(1);
            self.batch
                .delete(Family::Quarantine, quarantine::key(number, &key.1, hash));
            drop_entry(&mut self.batch, number, sequence);
        }
    }
}

/// A plain delete: the entry may have been put by this very batch.
fn drop_entry(batch: &mut crate::engine::Batch, number: crate::keys::DatabaseNumber, sequence: Sequence) {
    batch.delete(Family::Changes, changes::key(number, sequence));
}

/// Names a state by its bytes.
fn state_hash(state: &[u8]) -> [u8; 8] {
    let mut hash = [0; 8];
    hash.copy_from_slice(&blake3::hash(state).as_bytes()[..8]);
    hash
}
