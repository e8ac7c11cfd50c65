//! Drops superseded revisions that are older than they are promised to be kept. In bounded steps, oldest first.

use rejoin_document::{DatabaseName, HlcTime};

use super::group::Group;
use crate::clock::span;
use crate::engine::Family;
use crate::error::CommitError;
use crate::keys::revisions::{self, RevisionKey, RevisionRecord};
use crate::operation::Outcome;

impl Group<'_> {
    pub(super) fn prune(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let until = HlcTime(self.pipeline.now().0.saturating_sub(span(self.options.keep_for)));
        let mut range = revisions::places_before(database.number(), until);
        if let Some(pruned) = self.pipeline.pruned_until.get(&name) {
            range.from = revisions::places_before(database.number(), *pruned)
                .to
                .unwrap_or(range.from);
        }
        let entries: Vec<_> = self
            .engine
            .scan(Family::Revisions, range)
            .take(self.options.step_documents_max)
            .collect::<Result<_, _>>()?;
        let mut expired = Vec::new();
        for (place, _) in &entries {
            let (superseded, key) = RevisionKey::decode_place(place)?;
            let record = self.engine.get(Family::Revisions, &key.record())?;
            let superseded_last = record
                .map(|value| RevisionRecord::decode_superseded(&value))
                .transpose()?;
            expired.push((superseded, key.record(), superseded_last));
        }
        let mut dropped = 0;
        for ((place, _), (superseded, record, superseded_last)) in entries.iter().zip(expired) {
            // A revision that was shown and superseded again has a later place, which keeps its record. So has one of this group.
            if superseded_last == Some(superseded) && !self.revisions.contains_key(&record) {
                self.batch.delete(Family::Revisions, record);
                dropped += 1;
            }
            self.batch.delete(Family::Revisions, place.to_vec());
            self.pipeline.pruned_until.insert(name.clone(), superseded);
        }
        Ok(Outcome::Pruned {
            revisions: dropped,
            finished: entries.len() < self.options.step_documents_max,
        })
    }
}
