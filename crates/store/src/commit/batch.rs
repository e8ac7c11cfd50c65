//! Several writes of one client that happen together, or not at all.
//!
//! They are done one after another like single writes; the first that is refused takes back those before it. Their entries in the log carry the end
//! of the batch, so that whoever reads the log passes all of it on at once.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::{DatabaseName, Document, DocumentId, Dot, HlcTime, RequestAnswer, Shown};

use super::group::{DocumentKey, Group};
use super::staged::Staged;
use crate::error::{CommitError, StoreError};
use crate::operation::{Outcome, WriteBatch, WriteRequest, Written};
use crate::state::{DatabaseState, NodeState};

/// What a group was before a batch.
pub(super) struct Savepoint {
    state: NodeState,
    changes: usize,
    growth: BTreeMap<DatabaseName, bool>,
    documents: Vec<(DocumentKey, Staged)>,
    bytes: usize,
}

impl Group<'_> {
    pub(super) fn write_batch(&mut self, batch: WriteBatch) -> Result<Outcome, CommitError> {
        let WriteBatch { database: name, writes } = batch;
        let database = self.database(&name)?;
        let mut keys: Vec<DocumentKey> = Vec::with_capacity(writes.len());
        // The states of a batch travel in one message, so they are bounded together, before more is read. One that was done before is answered, although its
        // documents have grown since.
        let (mut different, mut bytes, mut is_known) = (BTreeSet::new(), 0, false);
        for write in &writes {
            // The documents of one that was done before are looked at one by one.
            if is_known && bytes > self.options.batch_bytes_max {
                break;
            }
            let key = self.load(&database, &write.id)?;
            if different.insert(key.clone())
                && let Some(staged) = self.documents.get(&key)
            {
                bytes += staged.before.as_ref().map_or(0, |before| before.bytes);
                is_known |= write
                    .request
                    .is_some_and(|request| staged.now.answer(request).is_some());
            }
            keys.push(key);
            if !is_known {
                self.bound(std::iter::once(bytes))?;
            }
        }
        if let Some(written) = self.batch_repeated(&database, &writes)? {
            return Ok(Outcome::BatchWritten(written));
        }
        let savepoint = self.savepoint(&keys);
        let mut written = Vec::with_capacity(writes.len());
        let mut weights = BTreeMap::new();
        for (place, write) in writes.into_iter().enumerate() {
            let id = write.id.clone();
            let refused = match self.write(write) {
                Ok(Outcome::Written(done)) => {
                    written.push(done);
                    // A short write can make a large document, so what it came to counts as well, and before the next one.
                    if let Err(heavy) = self.weigh(&mut weights, &keys[place], self.bytes - savepoint.bytes) {
                        self.roll_back(savepoint);
                        return Err(heavy);
                    }
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

    /// What a batch did the first time, if any of its documents remembers it: another one may have forgotten its part by now, which was done all the
    /// same, and is answered as it is.
    fn batch_repeated(
        &mut self,
        database: &DatabaseState,
        writes: &[WriteRequest],
    ) -> Result<Option<Vec<Written>>, CommitError> {
        if writes.iter().all(|write| write.request.is_none()) {
            return Ok(None);
        }
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            answers.push(self.glance(database, &write.id, |_, _, current| {
                Ok(write.request.and_then(|request| current.answer(request)))
            })?);
        }
        if answers.iter().all(Option::is_none) {
            return Ok(None);
        }
        // A batch of another datacenter comes document by document while this node catches up. Once the node knows one write of it, it has them all.
        let arrived = |answer: &RequestAnswer| database.record.knowledge.covers(answer.dot);
        if answers.iter().any(Option::is_none) && !answers.iter().flatten().all(arrived) {
            return Err(CommitError::BatchArriving);
        }
        let (mut written, mut room) = (Vec::with_capacity(writes.len()), self.options.batch_bytes_max);
        for write in writes {
            let mut conditions = write.conditions.clone();
            conditions.returns_previous &= room > 0;
            let answer = self.glance(database, &write.id, |group, key, current| {
                let repeated = group.repeated(database, key, current, write.request, &conditions)?;
                Ok(repeated.unwrap_or_else(|| group.as_it_is(key, current, &current.shown(database.rules()))))
            })?;
            let previous = answer
                .previous
                .as_ref()
                .map_or(0, |previous| previous.body.to_json().len());
            room = room.saturating_sub(previous);
            written.push(answer);
        }
        Ok(Some(written))
    }

    /// Looks at a document, and keeps it only if the group had it before: a thousand large ones are not in memory together.
    fn glance<T>(
        &mut self,
        database: &DatabaseState,
        id: &DocumentId,
        look: impl FnOnce(&Self, &DocumentKey, &Document) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (held, bytes) = (self.documents.len(), self.bytes);
        let (key, current, _) = self.current(database, id)?;
        let seen = look(self, &key, &current);
        if self.documents.len() > held {
            self.documents.remove(&key);
            self.bytes = bytes;
        }
        seen
    }

    fn as_it_is(&self, key: &DocumentKey, current: &Document, shown: &Shown) -> Written {
        let dots = current.context().iter().map(|(replica, time)| Dot { time, replica });
        let never = Dot {
            time: HlcTime(0),
            replica: self.state.identity.replica,
        };
        let answer = RequestAnswer {
            dot: dots.max().unwrap_or(never),
            revision: shown.revision.clone(),
            checksum: shown.checksum(),
            merged: true,
        };
        self.answered(key, current, answer, shown)
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

    /// Takes in what the document of a write weighs now, and bounds what all of them do, with the superseded revisions that the batch makes.
    fn weigh(
        &mut self,
        weights: &mut BTreeMap<DocumentKey, usize>,
        key: &DocumentKey,
        superseded: usize,
    ) -> Result<(), CommitError> {
        if let Some(staged) = self.documents.get_mut(key) {
            weights.insert(key.clone(), staged.encoded().len());
        }
        self.bound(weights.values().copied().chain([superseded]))
    }

    fn bound(&self, weights: impl Iterator<Item = usize>) -> Result<(), CommitError> {
        let (bytes, bytes_max) = (weights.fold(0, usize::saturating_add), self.options.batch_bytes_max);
        if bytes > bytes_max {
            return Err(CommitError::BatchTooLarge { bytes, bytes_max });
        }
        Ok(())
    }

    pub(super) fn savepoint(&mut self, keys: &[DocumentKey]) -> Savepoint {
        self.journal = Some(Vec::new());
        let documents = keys
            .iter()
            .filter_map(|key| Some((key.clone(), self.documents.get(key)?.clone())));
        Savepoint {
            state: self.state.clone(),
            changes: self.batch.len(),
            growth: self.grown.clone(),
            documents: documents.collect(),
            bytes: self.bytes,
        }
    }

    pub(super) fn roll_back(&mut self, savepoint: Savepoint) {
        let Savepoint {
            state,
            changes,
            growth,
            documents,
            bytes,
        } = savepoint;
        (self.state, self.grown, self.bytes) = (state, growth, bytes);
        self.batch.truncate(changes);
        self.documents.extend(documents);
        for key in self.journal.take().into_iter().flatten() {
            if let Some(records) = self.revisions.get_mut(&key) {
                records.pop();
            }
        }
    }
}
