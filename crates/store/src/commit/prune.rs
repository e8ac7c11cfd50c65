//! Drops superseded revisions that are older than they are promised to be kept. In bounded steps, oldest first.

use std::time::Duration;

use rejoin_document::{DatabaseName, HlcTime};

use super::group::Group;
use crate::clock::span;
use crate::engine::Family;
use crate::error::CommitError;
use crate::keys::revisions;
use crate::operation::Outcome;

impl Group<'_> {
    pub(super) fn prune(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let keep_for = match database.definition.settings.keep_for_s {
            0 => self.tuning.keep_for,
            seconds => Duration::from_secs(seconds),
        };
        let until = HlcTime(self.pipeline.now().0.saturating_sub(span(keep_for)));
        let mut range = revisions::places_before(database.number(), until);
        if let Some(pruned) = self.pipeline.pruned_until.get(&name) {
            range.from = revisions::place_from(database.number(), *pruned);
        }
        let entries: Vec<_> = self
            .engine
            .scan(Family::Revisions, range)
            .take(self.options.step_documents_max)
            .collect::<Result<_, _>>()?;
        let mut expired = Vec::new();
        for (place, value) in &entries {
            expired.push(revisions::decode_place(place, value)?);
        }
        for ((place, _), (superseded, key)) in entries.iter().zip(&expired) {
            for gone in [key.record(), key.entry(), place.to_vec()] {
                self.batch.delete(Family::Revisions, gone);
            }
            self.pipeline.pruned_until.insert(name.clone(), *superseded);
        }
        Ok(Outcome::Pruned {
            revisions: expired.len() as u64,
            finished: entries.len() < self.options.step_documents_max,
        })
    }
}
