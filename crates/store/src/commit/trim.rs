//! Drops superseded revisions of documents that have more of them than their database keeps, oldest first. In bounded steps.
//!
//! A document can only have too many once a revision of it was superseded: the walk follows the places in time, and goes on where it ended.

use std::collections::BTreeSet;

use rejoin_document::{DatabaseName, DocumentId, Sequence};

use super::group::Group;
use crate::engine::{Family, KeyRange};
use crate::error::{CommitError, StoreError};
use crate::keys::revisions::{self, RevisionEntry};
use crate::operation::Outcome;
use crate::state::DatabaseState;

/// Entries of histories that one step looks at, for each place in time that it may look at.
const ENTRIES_PER_PLACE: usize = 16;

/// Where the next step of trimming goes on.
#[derive(Debug, Clone)]
pub(crate) struct TrimCursor {
    /// What was kept: with another bound the walk begins anew.
    keep: u32,
    /// The least key of a place that was not looked at.
    place: Vec<u8>,
    /// How far into the history of the document at that place the step came, and how many revisions it left there.
    within: Option<(DocumentId, Sequence, u32)>,
}

impl TrimCursor {
    /// Places from this key on are to be looked at, again perhaps.
    pub(super) fn look_again_from(&mut self, place: Vec<u8>) {
        if place < self.place {
            (self.place, self.within) = (place, None);
        }
    }
}

impl Group<'_> {
    pub(super) fn trim(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let (keep, places) = (
            database.definition.settings.keep_revisions,
            revisions::places(database.number()),
        );
        if keep == 0 {
            self.pipeline.trimmed.remove(&name);
            return Ok(Outcome::Trimmed {
                revisions: 0,
                finished: true,
            });
        }
        let former = self.pipeline.trimmed.get(&name).filter(|cursor| cursor.keep == keep);
        let mut cursor = former.cloned().unwrap_or_else(|| TrimCursor {
            keep,
            place: places.from.clone(),
            within: None,
        });
        let range = KeyRange {
            from: cursor.place.clone(),
            ..places
        };
        let (surplus, finished) = self.surplus(&database, &mut cursor, range)?;
        for entry in &surplus {
            self.drop_revision(entry);
        }
        self.pipeline.trimmed.insert(name, cursor);
        Ok(Outcome::Trimmed {
            revisions: surplus.len() as u64,
            finished,
        })
    }

    /// The revisions that one step drops, and whether it reached the last place in time.
    fn surplus(
        &self,
        database: &DatabaseState,
        cursor: &mut TrimCursor,
        range: KeyRange,
    ) -> Result<(Vec<RevisionEntry>, bool), StoreError> {
        let places_max = self.options.step_documents_max;
        let mut room = places_max.saturating_mul(ENTRIES_PER_PLACE);
        let (mut surplus, mut seen, mut examined) = (Vec::new(), BTreeSet::new(), 0);
        for entry in self.engine.scan(Family::Revisions, range).take(places_max) {
            let (key, value) = entry?;
            let (_, place) = revisions::decode_place(&key, &value)?;
            if seen.insert(place.id.clone()) && !self.beyond(database, &place.id, cursor, &mut room, &mut surplus)? {
                return Ok((surplus, false));
            }
            cursor.place = [&key[..], &[0]].concat();
            examined += 1;
        }
        Ok((surplus, examined < places_max))
    }

    /// Adds to `surplus` what of one document's history is beyond the bound. False: there was no room to look at all of it.
    fn beyond(
        &self,
        database: &DatabaseState,
        id: &DocumentId,
        cursor: &mut TrimCursor,
        room: &mut usize,
        surplus: &mut Vec<RevisionEntry>,
    ) -> Result<bool, StoreError> {
        let (range, mut counted) = match cursor.within.take().filter(|(other, ..)| other == id) {
            Some((_, below, counted)) => (revisions::history_below(database.number(), id, below), counted),
            None => (revisions::history(database.number(), id), 0),
        };
        let mut last = None;
        for entry in self.engine.scan(Family::Revisions, range) {
            if *room == 0 {
                cursor.within = last.map(|sequence| (id.clone(), sequence, counted));
                return Ok(false);
            }
            let (key, value) = entry?;
            let entry = RevisionEntry::decode(&key, &value)?;
            last = Some(entry.key.sequence);
            if counted >= cursor.keep {
                surplus.push(entry);
            } else {
                counted += 1;
            }
            *room -= 1;
        }
        Ok(true)
    }

    /// The record, its place in time and its entry in the history go together.
    fn drop_revision(&mut self, entry: &RevisionEntry) {
        for key in [entry.key.record(), entry.key.place(entry.superseded), entry.key.entry()] {
            self.batch.delete(Family::Revisions, key);
        }
    }
}
