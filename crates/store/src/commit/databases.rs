//! Databases come into being: by a client's wish, or because the system database's documents say so.

use std::sync::Arc;

use rejoin_document::{DocumentId, Object, OnConflict, Revision, Shown, VersionVector};

use super::group::Group;
use super::write::Intent;
use crate::error::CommitError;
use crate::operation::{DatabaseDefinition, Outcome};
use crate::state::{DatabaseState, Standing, SystemDocument, database_body, database_id};

impl Group<'_> {
    pub(super) fn create_database(&mut self, definition: DatabaseDefinition) -> Result<Outcome, CommitError> {
        if definition.name.is_system() {
            return Err(CommitError::ReservedDatabase {
                database: definition.name,
            });
        }
        let current = self.state.newest(&definition.name);
        if let Some(existing) = current.filter(|current| current.standing() == Standing::Live) {
            return if existing.definition.agrees_with(&definition) {
                Ok(Outcome::Database { created: false })
            } else {
                Err(CommitError::DatabaseExists {
                    database: definition.name,
                })
            };
        }
        // One that was deleted stays deleted: what survived of it, and what arrives late, has no place in the new one.
        let (database, name) = (definition.name.clone(), self.state.next_incarnation(&definition.name));
        let id = database_id(&name);
        let body = database_body(&DatabaseDefinition { name, ..definition });
        let body = body.map_err(|source| CommitError::DefinitionTooLarge { database, source })?;
        self.write_system(id.map(|id| (id, body)))?;
        Ok(Outcome::Database { created: true })
    }

    /// A write of this node to the system database, over whatever is there.
    pub(super) fn write_system(&mut self, document: Option<(DocumentId, Arc<Object>)>) -> Result<(), CommitError> {
        // Names are bounded such that every one of these is a valid document.
        let Some((id, body)) = document else { return Ok(()) };
        let system = DatabaseDefinition::system();
        let database = self.database(&system.name)?;
        let (key, current, base) = self.current(&database, &id)?;
        let intent = Intent {
            base,
            body: Some(body),
            tombstone: None,
            on_conflict: OnConflict::Refuse,
        };
        self.stamp(&key, &current, intent, None).map(drop)
    }

    /// Takes over what a changed document of the system database says.
    pub(super) fn take_definition(&mut self, id: &DocumentId, shown: &Shown, context: VersionVector) {
        if shown.deleted {
            return;
        }
        match SystemDocument::read(id, &shown.body) {
            Some(SystemDocument::Database(definition)) => self.define(definition, (shown.revision.clone(), context)),
            Some(SystemDocument::Deletion(database, replica, deletion)) => {
                self.learn_deletion(&database, replica, deletion);
            }
            Some(SystemDocument::Replica(replica, datacenter)) => {
                Arc::make_mut(&mut self.state.replicas).insert(replica, datacenter);
            }
            Some(SystemDocument::Datacenter(datacenter, membership)) => self.take_membership(datacenter, membership),
            Some(SystemDocument::Confirmation(retired, confirmation)) => {
                self.state.memberships.confirm(retired, confirmation);
            }
            None => {
                tracing::warn!(document_id = %id, "a document of the system database is not understood and is ignored")
            }
        }
    }

    fn define(&mut self, definition: DatabaseDefinition, version: (Revision, VersionVector)) {
        let number = self.state.next_number();
        let Some(existing) = self.state.database_mut(&definition.name) else {
            let name = definition.name.clone();
            let mut database = DatabaseState::new(number, definition);
            database.version = version;
            database.record.sequence = self.pipeline.numbers_from;
            // A deletion may arrive before the definition; there is nothing to drop then.
            database.deletions = self.state.deletions.get(&name).cloned().unwrap_or_default();
            self.state.databases.insert(name, Arc::new(database));
            return;
        };
        existing.version = version;
        if existing.definition.granularity != definition.granularity {
            tracing::warn!(database = %definition.name, "datacenters define this database with different granularities; each keeps its own");
        }
        existing.definition.settings = definition.settings;
        if existing.definition.rules != definition.rules {
            existing.definition.rules = definition.rules;
            // Under other rules other siblings are settled: the conflicts are counted again, step by step.
            existing.record.recount = Some(String::new());
        }
    }
}
