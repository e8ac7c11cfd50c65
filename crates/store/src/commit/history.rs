//! What goes into the history when a state takes the place of another one, and how a later write finds it again.
//!
//! Kept is what was shown, and every candidate that stood beside it, whatever the rules. So nothing that a resolution or a rule takes out of a
//! state is lost with it. A candidate that stays in the state would be copied with each write to the document: of those no more than
//! [`STAYING_BYTES_MAX`] are. Those that go are copied whole, each of them once: they are in no later state.

use rejoin_document::{
    Base, Candidate, CandidateKind, Document, DocumentId, Dot, HlcTime, OpenConflict, Revision, RuleSet, Sequence,
    Shown, value_at,
};

use super::group::{DocumentKey, Group};
use crate::engine::{Family, KeyRange};
use crate::error::StoreError;
use crate::keys::revisions::{self, RevisionEntry, RevisionKey};
use crate::keys::superseded::RevisionRecord;
use crate::operation::{Version, Written};
use crate::state::DatabaseState;

/// Bytes of candidates that a record copies although the state after it has them still.
const STAYING_BYTES_MAX: usize = 64 << 10;

/// Bytes of the records of one revision that are looked through at most, and the one that goes beyond it. Nearly always it has one: a second one comes
/// of a revision that was shown again.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// Entries of a document's history that are looked through for one write at most.
const ENTRIES_MAX: usize = 10_000;

/// A state that gives way.
pub(super) struct Superseded {
    dot: Dot,
    revision: Revision,
    record: RevisionRecord,
}

/// A record that a group has staged.
pub(super) struct Kept {
    /// Where the document stood in the log afterwards.
    pub sequence: Sequence,
    /// The write of this node that superseded it, if one did.
    pub by: Option<Dot>,
    pub record: RevisionRecord,
}

impl Superseded {
    /// What is to be kept of `before`, which shows `was`, when `after` takes its place. Nothing if that shows the same revision and has every
    /// candidate still.
    pub(super) fn of(before: &Document, was: &Shown, after: &Document, shown: &Shown) -> Option<Self> {
        let dot = before.newest()?;
        let beside = Beside::of(before, was, after);
        (was.revision != shown.revision || beside.loses).then(|| Self {
            dot,
            revision: was.revision.clone(),
            record: RevisionRecord {
                base: before.base_of(was),
                left: before.left(was),
                set_aside: beside.set_aside,
                left_out: beside.left_out,
            },
        })
    }
}

/// The candidates of a state.
#[derive(Default)]
struct Beside {
    set_aside: Vec<OpenConflict>,
    left_out: u32,
    /// Whether a value goes.
    loses: bool,
}

impl Beside {
    fn of(before: &Document, was: &Shown, after: &Document) -> Self {
        let mut beside = Self::default();
        let candidates = all_candidates(before, was);
        if candidates.is_empty() {
            return beside;
        }
        let (mut staying, none) = (0, RuleSet::default());
        let after = after.shown(&none);
        for mut conflict in candidates {
            let shown = conflict.shown.clone();
            conflict.candidates.retain(|candidate| {
                let CandidateKind::Value(value) = &candidate.kind else {
                    return true;
                };
                if !stays(&conflict.path, candidate, &after) {
                    beside.loses = true;
                    return true;
                }
                // What the body shows is not stored twice.
                let bytes = match shown.as_ref() == Some(value) {
                    true => 0,
                    false => value.to_json().len(),
                };
                let fits = staying + bytes <= STAYING_BYTES_MAX;
                staying += if fits { bytes } else { 0 };
                beside.left_out += u32::from(!fits);
                fits
            });
            beside.set_aside.push(conflict);
        }
        beside.set_aside.retain(|conflict| !conflict.candidates.is_empty());
        beside
    }
}

/// Every candidate of a state that shows `was`, whatever the rules: open conflicts, and what a rule set aside.
pub(crate) fn all_candidates(document: &Document, was: &Shown) -> Vec<OpenConflict> {
    if !document.may_conflict() {
        return Vec::new();
    }
    let mut conflicts = document.shown(&RuleSet::default()).conflicts;
    let body = (!was.deleted).then_some(was.body.as_ref());
    for conflict in &mut conflicts {
        conflict.shown = value_at(body, &conflict.path);
    }
    conflicts
}

/// Whether a state still has a candidate, or shows its value.
fn stays(path: &str, candidate: &Candidate, after: &Shown) -> bool {
    let listed = after.conflict_at(path);
    let body = (!after.deleted).then_some(after.body.as_ref());
    let same = |other: &Candidate| other.dot == candidate.dot && other.kind == candidate.kind;
    listed.is_some_and(|conflict| conflict.candidates.iter().any(same))
        || matches!(&candidate.kind, CandidateKind::Value(value) if value_at(body, path).as_ref() == Some(value))
}

impl Group<'_> {
    /// Writes what is kept of a state that gave way to the write `by`, if it is one of this node, when the document came to stand at `sequence`.
    pub(super) fn keep(
        &mut self,
        database: &DatabaseState,
        id: &DocumentId,
        (sequence, by): (Sequence, Option<Dot>),
        gone: Superseded,
    ) {
        let superseded = self.pipeline.now();
        let Superseded { dot, revision, record } = gone;
        let key = RevisionKey {
            number: database.number(),
            id: id.clone(),
            revision,
            sequence,
        };
        let entry = RevisionEntry {
            superseded,
            deleted: record.base.body.is_none(),
            dot,
            by,
            key: key.clone(),
        };
        let encoded = record.encode();
        self.bytes += encoded.len();
        self.batch.put(Family::Revisions, key.record(), encoded);
        self.batch
            .put(Family::Revisions, key.place(superseded), key.encode_place());
        self.batch.put(Family::Revisions, key.entry(), entry.encode());
        let prefix = revisions::records_of(key.number, id, &key.revision);
        if let Some(journal) = &mut self.journal {
            journal.push(prefix.clone());
        }
        self.revisions
            .entry(prefix)
            .or_default()
            .push(Kept { sequence, by, record });
        self.look_again_from(database, superseded);
    }

    /// A clock that was set back puts places in time before those where pruning and trimming have been.
    fn look_again_from(&mut self, database: &DatabaseState, superseded: HlcTime) {
        let name = &database.definition.name;
        if let Some(pruned) = self.pipeline.pruned_until.get_mut(name) {
            *pruned = superseded.min(*pruned);
        }
        if let Some(trimmed) = self.pipeline.trimmed.get_mut(name) {
            trimmed.look_again_from(revisions::place_from(database.number(), superseded));
        }
    }

    /// What a reader of an old revision had seen, if it is still kept and a write may be based on it.
    pub(super) fn superseded(
        &self,
        database: &DatabaseState,
        id: &DocumentId,
        revision: &Revision,
    ) -> Result<Option<Base>, StoreError> {
        let staged = self.documents.get(&(database.definition.name.clone(), id.clone()));
        let bases_after = staged.map_or(Sequence(0), |staged| staged.bases_after);
        let newest = self.find_record(database, id, revision, |sequence, record| {
            Some((sequence > bases_after).then(|| record.base.clone()))
        })?;
        Ok(newest.flatten())
    }

    /// What a document showed before a write that was done some time ago, if this node did it and keeps that still. Another node showed something else
    /// then.
    pub(super) fn previous_of(
        &self,
        database: &DatabaseState,
        key: &DocumentKey,
        written: &Written,
    ) -> Result<Option<Version>, StoreError> {
        if written.dot.replica != self.state.identity.replica {
            return Ok(None);
        }
        let base = self.superseded_by(database, &key.1, written.dot)?;
        Ok(base.and_then(|Base { revision, body, .. }| {
            Some(Version {
                revision: revision?,
                body: body?,
            })
        }))
    }

    /// What a write of this node superseded, if that is still kept.
    fn superseded_by(&self, database: &DatabaseState, id: &DocumentId, write: Dot) -> Result<Option<Base>, StoreError> {
        let number = database.number();
        let prefix = revisions::records_of_document(number, id);
        let staged = self.revisions.range(prefix.clone()..);
        let mut staged = staged
            .take_while(|(key, _)| key.starts_with(&prefix))
            .flat_map(|(_, kept)| kept);
        if let Some(kept) = staged.find(|kept| kept.by == Some(write)) {
            return Ok(Some(kept.record.base.clone()));
        }
        // Entries are small: only the record that is meant is read.
        for entry in self
            .engine
            .scan(Family::Revisions, revisions::history(number, id))
            .take(ENTRIES_MAX)
        {
            let (key, value) = entry?;
            let RevisionEntry { key, by, .. } = RevisionEntry::decode(&key, &value)?;
            if by != Some(write) {
                continue;
            }
            let value = self.engine.get(Family::Revisions, &key.record())?;
            let record = value.map(|value| RevisionRecord::decode(key.revision, &value));
            return Ok(record.transpose()?.map(|record| record.base));
        }
        Ok(None)
    }

    /// The newest record of an old revision for which `pick` has something. Looks through [`RECORD_BYTES_MAX`] of them.
    pub(super) fn find_record<T>(
        &self,
        database: &DatabaseState,
        id: &DocumentId,
        revision: &Revision,
        mut pick: impl FnMut(Sequence, &RevisionRecord) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let prefix = revisions::records_of(database.number(), id, revision);
        let mut staged = self.revisions.get(&prefix).into_iter().flatten().rev();
        if let Some(found) = staged.find_map(|kept| pick(kept.sequence, &kept.record)) {
            return Ok(Some(found));
        }
        let mut bytes = 0;
        for entry in self.engine.scan(Family::Revisions, KeyRange::prefix(&prefix)) {
            if bytes >= RECORD_BYTES_MAX {
                break;
            }
            let (key, value) = entry?;
            bytes += value.len();
            let record = RevisionRecord::decode(revision.clone(), &value)?;
            if let Some(found) = pick(revisions::decode_record_sequence(&key)?, &record) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
