//! Databases, members and figures.

use rejoin_document::{DatabaseName, DatacenterName, Granularity, ReplicaId, Sequence, VersionVector};

use super::sessions::partial;
use crate::error::ReadError;
use crate::operation::DatabaseDefinition;
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
    /// Bytes of the documents as they are stored, deleted ones included.
    pub bytes: u64,
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
    /// All databases in ascending order of their names, without the system's: all incarnations, those that were deleted too.
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

    /// The figures of all databases in ascending order of their names, without the system's: all incarnations, those that were deleted too.
    pub fn status(&self) -> Vec<DatabaseStatus> {
        let state = self.state();
        let peers = state.peers(&self.options().peers);
        let user = state.databases.iter().filter(|(name, _)| !name.is_system());
        let status = user.map(|(name, database)| DatabaseStatus {
            name: name.clone(),
            granularity: database.definition.granularity,
            documents: database.record.documents,
            bytes: database.record.bytes.unwrap_or_default(),
            conflicts: database.record.conflicts,
            quarantined: database.record.quarantined,
            sequence: database.record.sequence,
            knowledge: database.record.knowledge.clone(),
            catching_up_from: partial(database, &peers),
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
        let database = self.held(name)?;
        Ok(self.state().stable(&database, &self.options().peers))
    }
}
