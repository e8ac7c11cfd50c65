//! Counts the open conflicts of a database again after its rules changed: a bounded number with each group.
//!
//! Lists of conflicts do not wait for it: they look at each indexed document under the rules in force.

use rejoin_document::DatabaseName;

use super::group::Group;
use crate::engine::{Family, KeyRange};
use crate::error::StoreError;
use crate::keys::{conflicts, documents};
use crate::record::StoredDocument;
use crate::state::DatabaseState;

impl Group<'_> {
    /// One step for the first database that needs it. If it fails, the count stays as it is: no write has to wait for a figure.
    pub(crate) fn recount(&mut self) {
        let waiting = self
            .state
            .databases
            .values()
            .find(|database| database.record.recount.is_some());
        let Some(database) = waiting.cloned() else { return };
        if let Err(error) = self.count_step(&database) {
            let name = &database.definition.name;
            tracing::error!(database = %name, %error, "conflicts cannot be counted again; the list of conflicts is right all the same");
            self.reached(name, None);
        }
    }

    fn count_step(&mut self, database: &DatabaseState) -> Result<(), StoreError> {
        let reached = database.record.recount.clone().unwrap_or_default();
        let prefix = database.number().prefix();
        let range = KeyRange::prefix_after(&prefix, &[prefix.as_slice(), reached.as_bytes()].concat());
        let entries: Vec<_> = self
            .engine
            .scan(Family::Conflicts, range)
            .take(self.options.step_documents_max)
            .collect::<Result<_, _>>()?;
        let mut last = None;
        for (key, value) in &entries {
            let (_, id) = conflicts::decode_key(key)?;
            // What the group itself changes is counted when its indexes are derived.
            let staged = self.documents.get(&(database.definition.name.clone(), id.clone()));
            if staged.is_none_or(|staged| !staged.changed) {
                self.count_again(database, &id, conflicts::decode(value)?)?;
            }
            last = Some(id.as_str().to_owned());
        }
        self.reached(
            &database.definition.name,
            last.filter(|_| entries.len() == self.options.step_documents_max),
        );
        Ok(())
    }

    fn reached(&mut self, name: &DatabaseName, id: Option<String>) {
        if let Some(database) = self.state.database_mut(name) {
            database.record.recount = id;
        }
    }

    fn count_again(
        &mut self,
        database: &DatabaseState,
        id: &rejoin_document::DocumentId,
        before: u32,
    ) -> Result<(), StoreError> {
        let Some(value) = self
            .engine
            .get(Family::Documents, &documents::key(database.number(), id))?
        else {
            return Ok(());
        };
        let open = StoredDocument::decode(&value)?
            .document
            .shown(database.rules())
            .conflicts
            .len();
        let after = u32::try_from(open).unwrap_or(u32::MAX);
        if after != before {
            self.batch.put(
                Family::Conflicts,
                conflicts::key(database.number(), id),
                conflicts::encode(after),
            );
        }
        if let Some(database) = self.state.database_mut(&database.definition.name) {
            let figure = &mut database.record.conflicts;
            *figure = figure.saturating_sub(u64::from(before > 0)) + u64::from(after > 0);
        }
        Ok(())
    }
}
