//! Forgetting: what every member datacenter is known to have, and is old enough, goes. In bounded steps.

use rejoin_document::{DatabaseName, Document, DocumentId, HlcTime, VersionVector};

use super::group::Group;
use crate::clock::span;
use crate::engine::{Family, KeyRange};
use crate::error::{CommitError, StoreError};
use crate::keys::{CorruptRecord, documents};
use crate::operation::Outcome;
use crate::state::DatabaseState;

impl Group<'_> {
    pub(super) fn forget(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let stable = self.state.stable(&database, &self.options.peers);
        #[cfg(debug_assertions)]
        let stable = match rejoin_document::planted::is(rejoin_document::planted::Bug::ForgottenByAge) {
            true => database.record.knowledge.clone(),
            false => stable,
        };
        let retention = span(self.tuning.tombstone_retention);
        let oldest = HlcTime(self.pipeline.now().0.saturating_sub(retention));
        let (candidates, last) = self.candidates(&database, &stable, oldest)?;
        let mut forgettable = Vec::new();
        for id in candidates {
            let key = self.load(&database, &id)?;
            let smaller = self.documents.get(&key).and_then(|staged| staged.now.forget(&stable));
            forgettable.extend(smaller.map(|smaller| (key, smaller)));
        }
        let forgotten = forgettable.len() as u64;
        for (key, smaller) in forgettable {
            if let Some(staged) = self.documents.get_mut(&key) {
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
