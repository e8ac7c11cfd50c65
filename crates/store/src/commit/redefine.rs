//! Changing the definition of a database: one write of its document, of what is asked and nothing else, so that changes made apart merge rule by
//! rule. Where two sides had changed the same thing apart, it settles that.

use std::sync::Arc;

use rejoin_document::{
    Base, DatabaseName, DocumentId, Granularity, Object, OnConflict, Resolution, RuleSet, Settle, Value,
};

use super::group::{DocumentKey, Group};
use super::write::Intent;
use crate::error::CommitError;
use crate::operation::{DatabaseChange, Outcome};
use crate::state::{DatabaseBody, DatabaseState, database_id};

impl Group<'_> {
    pub(super) fn update_database(&mut self, change: DatabaseChange) -> Result<Outcome, CommitError> {
        if change.name.is_system() {
            return Err(CommitError::ReservedDatabase { database: change.name });
        }
        let database = self.database(&change.name)?;
        let current = &database.version.0;
        if change.base_version.as_ref().is_some_and(|base| base != current) {
            return Err(CommitError::VersionMismatch {
                database: change.name,
                version: current.clone(),
            });
        }
        if database.definition.granularity == Granularity::Document && !change.set_rules.is_empty() {
            return Err(CommitError::RulesOfWholeDocuments { database: change.name });
        }
        let system = self.database(&DatabaseName::system())?;
        // Every name makes a valid id.
        let Some(id) = database_id(&database.definition.name) else {
            return Ok(Outcome::DatabaseUpdated { changed: false });
        };
        let key = self.load(&system, &id)?;
        let savepoint = self.savepoint(&[key]);
        // What it settles makes room, so only together they tell whether the definition is too large.
        let done = self.settle_definition(&system, &id, &change).and_then(|settled| {
            let changed = self.redefine(&system, &id, &change)?;
            Ok(settled || changed)
        });
        match done {
            Ok(changed) => {
                self.journal = None;
                Ok(Outcome::DatabaseUpdated { changed })
            }
            Err(error) => {
                self.roll_back(savepoint);
                Err(error)
            }
        }
    }

    /// Writes what is different from what the document shows.
    fn redefine(
        &mut self,
        system: &DatabaseState,
        id: &DocumentId,
        change: &DatabaseChange,
    ) -> Result<bool, CommitError> {
        let (key, current, base) = self.current(system, id)?;
        let Some(wanted) = wanted(&base, change)? else {
            return Ok(false);
        };
        if base.body.as_deref() == Some(&*wanted) {
            return Ok(false);
        }
        let intent = Intent {
            base,
            body: Some(wanted),
            tombstone: None,
            on_conflict: OnConflict::Refuse,
        };
        self.stamp(&key, &current, intent, None)?;
        Ok(true)
    }

    /// Writing again what is shown settles nothing, but he who names a thing on which the datacenters differ decides it.
    fn settle_definition(
        &mut self,
        system: &DatabaseState,
        id: &DocumentId,
        change: &DatabaseChange,
    ) -> Result<bool, CommitError> {
        let (key, current, base) = self.current(system, id)?;
        let Some(wanted) = wanted(&base, change)? else {
            return Ok(false);
        };
        let shown = current.shown(&RuleSet::none());
        let named = change.paths();
        let choices: Vec<_> = shown
            .conflicts
            .iter()
            .filter(|conflict| named.contains(&conflict.path))
            .map(|conflict| (conflict.path.clone(), wanted.pointer(&conflict.path).cloned()))
            .collect();
        if choices.is_empty() {
            return Ok(false);
        }
        self.resolve_system(&key, &current, choices)?;
        Ok(true)
    }

    fn resolve_system(
        &mut self,
        key: &DocumentKey,
        current: &rejoin_document::Document,
        choices: Vec<(String, Option<Value>)>,
    ) -> Result<(), CommitError> {
        let resolution = Resolution {
            dot: self.issue()?,
            settle: Settle::Paths(choices),
            request: None,
        };
        let committed = current.resolve(&resolution, &RuleSet::none())?;
        self.place(key, committed, (resolution.dot, false)).map(drop)
    }
}

/// The definition's document as it shall be.
fn wanted(shown: &Base, change: &DatabaseChange) -> Result<Option<Arc<Object>>, CommitError> {
    let Some(mut wanted) = shown.body.as_deref().and_then(DatabaseBody::read) else {
        return Ok(None);
    };
    for path in &change.remove_rules {
        wanted.rules.remove(path);
    }
    for (path, rule) in change.set_rules.iter() {
        wanted.rules.insert(path.to_owned(), rule.to_string());
    }
    let mut settings = wanted.settings();
    settings.checksums = change.checksums.unwrap_or(settings.checksums);
    settings.keep_revisions = change.keep_revisions.unwrap_or(settings.keep_revisions);
    settings.keep_for_s = change.keep_for_s.unwrap_or(settings.keep_for_s);
    settings.documents_max = change.documents_max.unwrap_or(settings.documents_max);
    settings.bytes_max = change.bytes_max.unwrap_or(settings.bytes_max);
    if settings != wanted.settings() {
        wanted.set(settings);
    }
    let body = wanted.to_object().map_err(|source| CommitError::DefinitionTooLarge {
        database: change.name.clone(),
        source,
    })?;
    Ok(Some(body))
}

impl DatabaseChange {
    /// What the change is about, as paths of the definition's document.
    fn paths(&self) -> Vec<String> {
        let set = self.set_rules.iter().map(|(path, _)| path);
        let rules = set.chain(self.remove_rules.iter().map(String::as_str));
        let rules = rules.map(|path| format!("/rules/{}", path.replace('~', "~0").replace('/', "~1")));
        let settings = [
            ("/checksums", self.checksums.is_some()),
            ("/keep_revisions", self.keep_revisions.is_some()),
            ("/keep_for_s", self.keep_for_s.is_some()),
            ("/documents_max", self.documents_max.is_some()),
            ("/bytes_max", self.bytes_max.is_some()),
        ];
        let settings = settings.into_iter().filter(|(_, asked)| *asked);
        rules.chain(settings.map(|(path, _)| path.to_owned())).collect()
    }
}
