//! Databases, members and figures.

use rejoin_document::{DatabaseName, DatacenterName, Granularity, ReplicaId, RuleSet, Sequence, VersionVector};

use super::access::EXAMINED_MAX;
use super::sessions::partial;
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::{DatabaseNumber, documents};
use crate::operation::DatabaseDefinition;
use crate::record::StoredDocument;
use crate::state::SystemDocument;
use crate::store::Store;

/// Figures of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseStatus {
    /// The database.
    pub name: DatabaseName,
    /// What is merged.
    pub granularity: Granularity,
    /// Documents that are not deleted.
    pub documents: u64,
    /// Documents with open conflicts. While they are counted again under new rules, a mixture.
    pub conflicts: u64,
    /// States that could not be applied.
    pub quarantined: u64,
    /// The newest sequence.
    pub sequence: Sequence,
    /// What is incorporated.
    pub knowledge: VersionVector,
    /// Peers of which a part of what they have was received, and the rest not yet, in ascending order.
    pub catching_up_from: Vec<DatacenterName>,
}

impl Store {
    /// The databases in ascending order of their names, without the system's.
    pub fn databases(&self) -> Vec<DatabaseDefinition> {
        let state = self.state();
        let user = state.databases.iter().filter(|(name, _)| !name.is_system());
        user.map(|(_, database)| database.definition.clone()).collect()
    }

    /// One database's definition, if it is defined here. The system database's too.
    pub fn definition(&self, name: &DatabaseName) -> Option<DatabaseDefinition> {
        self.state()
            .databases
            .get(name)
            .map(|database| database.definition.clone())
    }

    /// The figures of all databases in ascending order of their names, without the system's.
    pub fn status(&self) -> Vec<DatabaseStatus> {
        let state = self.state();
        let user = state.databases.iter().filter(|(name, _)| !name.is_system());
        let status = user.map(|(name, database)| DatabaseStatus {
            name: name.clone(),
            granularity: database.definition.granularity,
            documents: database.record.documents,
            conflicts: database.record.conflicts,
            quarantined: database.record.quarantined,
            sequence: database.record.sequence,
            knowledge: database.record.knowledge.clone(),
            catching_up_from: partial(database, &self.options().peers),
        });
        status.collect()
    }

    /// Whose replica it is, as far as the system database says.
    pub fn datacenter_of(&self, replica: ReplicaId) -> Option<DatacenterName> {
        self.state().replicas.get(&replica).cloned()
    }

    /// What every member datacenter is known to have of a database.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`].
    pub fn stable(&self, name: &DatabaseName) -> Result<VersionVector, ReadError> {
        let database = self.database(name)?;
        Ok(self.state().stable(&database, &self.options().peers))
    }

    /// What an operator should look at: definitions on which the datacenters do not agree.
    ///
    /// # Errors
    /// The disk fails.
    pub fn warnings(&self) -> Result<Vec<String>, ReadError> {
        let (state, mut warnings) = (self.state(), Vec::new());
        let range = KeyRange::prefix(&DatabaseNumber::SYSTEM.prefix());
        for entry in self.engine().scan(Family::Documents, range).take(EXAMINED_MAX) {
            let (key, value) = entry?;
            let (_, id) = documents::decode_key(&key)?;
            let shown = StoredDocument::decode(&value)?.document.shown(&RuleSet::default());
            let Some(SystemDocument::Database(definition)) = SystemDocument::read(&id, &shown.body) else {
                continue;
            };
            let name = &definition.name;
            for conflict in &shown.conflicts {
                warnings.push(format!(
                    "the datacenters define the database {name} differently at {}: agree on one definition",
                    conflict.path
                ));
            }
            let ours = state
                .databases
                .get(name)
                .map(|database| database.definition.granularity);
            if let Some(ours) = ours.filter(|ours| *ours != definition.granularity) {
                let theirs = definition.granularity;
                warnings.push(format!("the database {name} has granularity {ours} here and {theirs} elsewhere: its documents cannot be exchanged"));
            }
        }
        Ok(warnings)
    }
}
