//! States that cannot be applied here are kept as they came, and forwarded through change entries of their own.

use std::collections::BTreeMap;

use rejoin_document::{DatabaseName, DatacenterName, Document, Sequence, VersionVector};

use super::apply::Incoming;
use super::group::{DocumentKey, Group};
use crate::engine::{Family, KeyRange};
use crate::error::{CommitError, StoreError};
use crate::exchange::{Applied, Item};
use crate::keys::changes::{self, ChangeEntry};
use crate::keys::quarantine::{self, QuarantineRecord};
use crate::operation::Outcome;
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
    pub(super) fn set_aside(&mut self, key: &DocumentKey, item: &Item, reason: &str, peer: &DatacenterName) {
        let since = self.pipeline.now();
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
            since,
            peer: peer.to_string(),
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

/// Bytes of states that one step of trying again reads, exceeded only by a single one.
const RETRY_BYTES_MAX: usize = 16 << 20;

/// A state that is tried again.
struct Waiting {
    place: Box<[u8]>,
    hash: [u8; 8],
    key: DocumentKey,
    incoming: Incoming,
    context: Option<VersionVector>,
}

impl Group<'_> {
    pub(super) fn retry(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let (waiting, finished) = self.waiting(&database)?;
        self.check_own_times(&name, waiting.iter().filter_map(|waiting| waiting.incoming.context()))?;
        let last = waiting.last().map(|waiting| waiting.place.to_vec());
        let (mut released, mut drifted) = (0, BTreeMap::new());
        for Waiting {
            place,
            hash,
            key,
            incoming,
            context,
        } in waiting
        {
            match incoming {
                Incoming::State(state) => {
                    self.follow(state.context(), &mut drifted);
                    self.join(&key, &state, &mut Applied::default());
                }
                Incoming::Unusable(_)
                    if !self.holds(&key, context.as_ref()) && !self.went_with_database(&name, context.as_ref()) =>
                {
                    continue;
                }
                Incoming::Unusable(_) => {}
            }
            self.release(&key, place.to_vec(), hash);
            released += 1;
        }
        self.drifted += drifted.len() as u64;
        match last.filter(|_| !finished) {
            Some(last) => drop(self.pipeline.retry_after.insert(name, last)),
            None => drop(self.pipeline.retry_after.remove(&name)),
        }
        Ok(Outcome::Retried { released, finished })
    }

    /// The states of this step, and whether there are no more. Everything that can fail happens here, before anything is staged.
    fn waiting(&mut self, database: &DatabaseState) -> Result<(Vec<Waiting>, bool), StoreError> {
        let prefix = database.number().prefix();
        let range = match self.pipeline.retry_after.get(&database.definition.name) {
            Some(after) => KeyRange::prefix_after(&prefix, after),
            None => KeyRange::prefix(&prefix),
        };
        let (engine, mut bytes, mut waiting) = (self.engine, 0, Vec::new());
        for entry in engine.scan(Family::Quarantine, range) {
            if bytes >= RETRY_BYTES_MAX || waiting.len() >= self.options.step_documents_max {
                return Ok((waiting, false));
            }
            let (place, value) = entry?;
            bytes += value.len();
            let (_, id, hash) = quarantine::decode_key(&place)?;
            let state = QuarantineRecord::decode(&value)?.state.into();
            let key = self.load(database, &id)?;
            self.load_quarantine(database, &key)?;
            let item = Item {
                id,
                state,
                joined: false,
            };
            waiting.push(Waiting {
                place,
                hash,
                key,
                incoming: self.examine(database, &item),
                context: Document::decode_context(&item.state).ok(),
            });
        }
        Ok((waiting, true))
    }

    /// Whether all that a state can tell came in other states already.
    pub(super) fn holds(&self, key: &DocumentKey, context: Option<&VersionVector>) -> bool {
        let staged = self.documents.get(key);
        let context = context.filter(|context| !context.is_empty());
        staged.is_some_and(|staged| context.is_some_and(|context| staged.now.context().dominates(context)))
    }

    fn release(&mut self, key: &DocumentKey, place: Vec<u8>, hash: [u8; 8]) {
        let Some(database) = self.state.database_mut(&key.0) else {
            return;
        };
        let Some(sequence) = self.quarantine.get_mut(key).and_then(|states| states.remove(&hash)) else {
            return;
        };
        database.record.quarantined = database.record.quarantined.saturating_sub(1);
        self.batch.delete(Family::Quarantine, place);
        drop_entry(&mut self.batch, database.number(), sequence);
        tracing::info!(database = %key.0, document_id = %key.1, "a state that was set aside is applied, or was already in another one");
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
