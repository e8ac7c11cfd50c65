//! The log as peers read it.

use bytes::Bytes;
use rejoin_document::{DatabaseName, DatacenterName, Document, DocumentId, Position, Sequence, TimeGap, VersionVector};

use super::access::EXAMINED_MAX;
use crate::engine::{Family, Read};
use crate::error::{ReadError, StoreError};
use crate::exchange::{Item, Watermark};
use crate::keys::changes::{self, ChangeEntry};
use crate::keys::quarantine::{self, QuarantineRecord};
use crate::keys::{CorruptRecord, documents};
use crate::state::{DatabaseState, NodeState};
use crate::store::Store;

/// What a puller says of a database when it connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHello {
    /// The database.
    pub name: DatabaseName,
    /// What this node has incorporated.
    pub knowledge: VersionVector,
    /// The newest sequence of this node's own log.
    pub sequence: Sequence,
    /// How far the peer's log was read.
    pub position: Option<Position>,
    /// Where this replica wrote nothing, once it has written since the store was opened.
    pub gap: Option<TimeGap>,
}

/// A piece of the log for a puller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// What the piece continues from.
    pub from: Position,
    /// What was read with it.
    pub to: Position,
    /// The states that the puller does not know, oldest change first.
    pub items: Vec<Item>,
    /// Only if the scan reached the end of the log. It claims what was incorporated when the scan began, never more than what was sent.
    pub watermark: Option<Watermark>,
}

impl Store {
    /// What this node says of each database, the system's too, to a peer that it pulls from. In ascending order of the names.
    pub fn hello(&self, peer: &DatacenterName) -> Vec<DatabaseHello> {
        let state = self.state();
        let hello = state.databases.iter().map(|(name, database)| DatabaseHello {
            name: name.clone(),
            knowledge: database.record.knowledge.clone(),
            sequence: database.record.sequence,
            position: database.positions.get(peer).copied(),
            gap: database.gap,
        });
        hello.collect()
    }

    /// The changes after `since` that `puller_knows` does not cover, and all that survived in a deleted database, up to `bytes_max` bytes of states and at least one.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn scan(
        &self,
        name: &DatabaseName,
        since: Sequence,
        puller_knows: &VersionVector,
        bytes_max: usize,
    ) -> Result<Scan, ReadError> {
        // The state comes first: all that it claims to know lies in the snapshot.
        let state = self.state();
        let database = state
            .databases
            .get(name)
            .ok_or_else(|| ReadError::UnknownDatabase { database: name.clone() })?;
        let snapshot = self.engine().snapshot();
        let (mut to, mut items, mut bytes) = (since, Vec::<Item>::new(), 0);
        // Where the entries end that have to stay together, and the unit of the last item.
        let (mut unit_end, mut last_unit) = (Sequence(0), None);
        let mut finished = true;
        for (examined, entry) in snapshot
            .scan(Family::Changes, changes::range_after(database.number(), since))
            .enumerate()
        {
            let (key, value) = entry?;
            let sequence = changes::decode_key(&key)?.1;
            let spent = bytes >= bytes_max.max(1) || examined >= EXAMINED_MAX;
            // Branches may have made a unit too large for one message: then it shows in part there, as while catching up.
            if spent && (sequence > unit_end || bytes >= self.options().batch_bytes_max) {
                finished = false;
                break;
            }
            to = sequence;
            let entry = ChangeEntry::decode(&value)?;
            let unit = entry.unit_end();
            unit_end = unit.unwrap_or(unit_end);
            if let Some(mut item) = item(snapshot.as_ref(), database, entry, puller_knows)? {
                self.bound_item(&mut item);
                bytes += item.state.len() + item.id.as_str().len();
                if let Some(last) = items.last_mut().filter(|_| unit.is_some() && unit == last_unit) {
                    last.joined = true;
                }
                items.push(item);
                last_unit = unit;
            }
        }
        let incarnation = state.identity.incarnation;
        let position = |sequence| Position { incarnation, sequence };
        #[cfg(debug_assertions)]
        let finished = finished || rejoin_document::planted::is(rejoin_document::planted::Bug::KnowledgeTooEarly);
        let watermark = finished.then(|| watermark(&state, database));
        Ok(Scan {
            from: position(since),
            to: position(to),
            items,
            watermark,
        })
    }

    /// How many documents changed last after `since`, states in quarantine too, counted up to `most`.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn changes_after(&self, name: &DatabaseName, since: Sequence, most: u64) -> Result<u64, ReadError> {
        let database = self.held(name)?;
        let range = changes::range_after(database.number(), since);
        let mut entries = 0;
        for entry in self.engine().scan(Family::Changes, range) {
            if entries >= most {
                break;
            }
            entry?;
            entries += 1;
        }
        Ok(entries)
    }

    /// The states of some documents as of one moment, for a repair. Documents that do not exist are left out.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn states(&self, database: &DatabaseName, ids: &[DocumentId]) -> Result<Vec<Item>, ReadError> {
        let database = self.held(database)?;
        let keys: Vec<_> = ids.iter().map(|id| documents::key(database.number(), id)).collect();
        let values = self.engine().snapshot().multi_get(Family::Documents, &keys)?;
        let mut items = Vec::new();
        for (id, value) in ids.iter().zip(values) {
            if let Some(value) = value {
                let mut item = Item {
                    id: id.clone(),
                    state: Bytes::copy_from_slice(documents::decode(&value)?.1),
                    joined: false,
                };
                self.bound_item(&mut item);
                items.push(item);
            }
        }
        Ok(items)
    }

    /// Of a state that is too large for any message the head goes: the peer sets it aside until one comes that fits, and takes what is behind it.
    fn bound_item(&self, item: &mut Item) {
        if item.state.len() <= self.options().state_bytes_max {
            return;
        }
        tracing::warn!(document_id = %item.id, bytes = item.state.len(), "a document is too large to travel; settle its conflicts, or delete it");
        // A copy: a slice would keep the whole state in memory.
        let head = Document::head_bytes(&item.state).unwrap_or_default();
        item.state = Bytes::copy_from_slice(&item.state[..head]);
    }
}

fn watermark(state: &NodeState, database: &DatabaseState) -> Watermark {
    let knowledge = database.record.knowledge.clone();
    let mut matrix = database.matrix.clone();
    matrix.advance(&state.identity.datacenter, &knowledge);
    Watermark { knowledge, matrix }
}

/// What a change entry sends to a puller, if anything.
fn item(
    read: &dyn Read,
    database: &DatabaseState,
    entry: ChangeEntry,
    puller_knows: &VersionVector,
) -> Result<Option<Item>, StoreError> {
    match entry {
        ChangeEntry::Document(id, _) => {
            let Some(value) = read.get(Family::Documents, &documents::key(database.number(), &id))? else {
                return Ok(None);
            };
            let (_, state) = documents::decode(&value)?;
            let context = Document::decode_context(state).map_err(|error| CorruptRecord {
                family: Family::Documents,
                detail: error.to_string(),
            })?;
            // What survived in a deleted database is more than its knowledge says, see `commit/deletion.rs`.
            let survived = !database.deletions.is_empty() && !database.deletions.cover(&context);
            Ok((survived || !puller_knows.dominates(&context)).then(|| Item {
                id,
                state: Bytes::copy_from_slice(state),
                joined: false,
            }))
        }
        // Nobody here can tell what it covers: it always goes.
        ChangeEntry::Quarantined(id, hash) => {
            let Some(value) = read.get(Family::Quarantine, &quarantine::key(database.number(), &id, hash))? else {
                return Ok(None);
            };
            Ok(Some(Item {
                id,
                state: QuarantineRecord::decode(&value)?.state.into(),
                joined: false,
            }))
        }
    }
}
