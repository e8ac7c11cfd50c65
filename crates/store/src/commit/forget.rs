//! Forgetting: what every member datacenter is known to have, and is old enough, goes. In bounded steps.

use rejoin_document::{DatabaseName, Document, DocumentId, HlcTime, VersionVector};

use super::group::{DocumentKey, Group};
use crate::clock::span;
use crate::engine::{Family, KeyRange};
use crate::error::{CommitError, StoreError};
use crate::keys::{CorruptRecord, documents, revisions};
use crate::operation::Outcome;
use crate::state::DatabaseState;

/// Superseded revisions that one step drops at most, for each document that it looks at.
const BASES_PER_DOCUMENT: usize = 16;

impl Group<'_> {
    pub(super) fn forget(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let stable = self.state.stable(&database, &self.options.peers);
        let oldest = HlcTime(
            self.pipeline
                .now()
                .0
                .saturating_sub(span(self.options.tombstone_retention)),
        );
        let (candidates, mut last) = self.candidates(&database, &stable, oldest)?;
        let mut room = self.options.step_documents_max.saturating_mul(BASES_PER_DOCUMENT);
        let mut forgettable = Vec::new();
        for id in candidates {
            let key = self.load(&database, &id)?;
            let smaller = self.documents.get(&key).and_then(|staged| staged.now.forget(&stable));
            let Some(smaller) = smaller else { continue };
            let (bases, all) = self.bases(&database, &id, room)?;
            room -= bases.len();
            // A mark goes only with the last of its bases: until then the document is met again.
            forgettable.push((bases, key, Some(smaller).filter(|_| all)));
            if room == 0 {
                last = Some(id);
                break;
            }
        }
        let forgotten = forgettable.len() as u64;
        for (bases, key, smaller) in forgettable {
            self.drop_bases(bases, &key);
            if let (Some(staged), Some(smaller)) = (self.documents.get_mut(&key), smaller) {
                staged.shrink(smaller);
            }
        }
        let finished = last.is_none();
        match last {
            Some(last) => drop(self.pipeline.forget_after.insert(name, last)),
            None => drop(self.pipeline.forget_after.remove(&name)),
        }
        Ok(Outcome::Forgotten {
            documents: forgotten,
            finished,
        })
    }

    /// The keys of the superseded revisions of a document, up to `max`, and whether these are all.
    fn bases(&self, database: &DatabaseState, id: &DocumentId, max: usize) -> Result<(Vec<Vec<u8>>, bool), StoreError> {
        let range = KeyRange::prefix(&revisions::records_of(database.number(), id));
        let mut entries = self.engine.scan(Family::Revisions, range);
        let keys = entries.by_ref().take(max).map(|entry| Ok(entry?.0.to_vec()));
        let keys: Vec<_> = keys.collect::<Result<_, StoreError>>()?;
        Ok((keys, entries.next().is_none()))
    }

    /// With a mark goes every revision from before it: a write that named one would bring back what the mark removed, and nobody would notice.
    /// Their places in time go when they are pruned.
    fn drop_bases(&mut self, bases: Vec<Vec<u8>>, key: &DocumentKey) {
        for base in bases {
            self.revisions.remove(&base);
            self.batch.delete(Family::Revisions, base);
        }
        self.baseless.insert(key.clone());
    }

    /// The documents of this step that may be forgotten from, and where the step ended if it did not reach the end of the database.
    fn candidates(
        &self,
        database: &DatabaseState,
        stable: &VersionVector,
        oldest: HlcTime,
    ) -> Result<(Vec<DocumentId>, Option<DocumentId>), StoreError> {
        let prefix = database.number().prefix();
        let range = match self.pipeline.forget_after.get(&database.definition.name) {
            Some(after) => KeyRange::prefix_after(&prefix, &documents::key(database.number(), after)),
            None => KeyRange::prefix(&prefix),
        };
        let (mut candidates, mut last, mut examined) = (Vec::new(), None, 0);
        for entry in self
            .engine
            .scan(Family::Documents, range)
            .take(self.options.step_documents_max)
        {
            let (key, value) = entry?;
            let (_, id) = documents::decode_key(&key)?;
            let context = Document::decode_context(documents::decode(&value)?.1).map_err(|error| CorruptRecord {
                family: Family::Documents,
                detail: error.to_string(),
            })?;
            if stable.dominates(&context) && context.iter().all(|(_, time)| time <= oldest) {
                candidates.push(id.clone());
            }
            (last, examined) = (Some(id), examined + 1);
        }
        Ok((candidates, last.filter(|_| examined == self.options.step_documents_max)))
    }
}
