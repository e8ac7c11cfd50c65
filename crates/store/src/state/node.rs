//! The whole node in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, HlcTime, ReplicaId, VersionVector};

use super::DatabaseState;
use crate::keys::DatabaseNumber;
use crate::operation::Identity;

/// Everything that reads and writes share. Cheap to clone: databases are shared until they are changed.
#[derive(Debug, Clone)]
pub(crate) struct NodeState {
    pub identity: Identity,
    /// Peers that this node has not caught up with since it took a new identity.
    pub behind: BTreeSet<DatacenterName>,
    /// Peers whose links an operator has cut.
    pub cut: BTreeSet<DatacenterName>,
    /// Since when links do not work.
    pub lost: BTreeMap<DatacenterName, HlcTime>,
    /// All databases, the system's too.
    pub databases: BTreeMap<DatabaseName, Arc<DatabaseState>>,
    /// Whose replicas are whose, as the system database says.
    pub replicas: Arc<BTreeMap<ReplicaId, DatacenterName>>,
    /// The newest heal report's id.
    pub last_heal: u64,
}

impl NodeState {
    /// A database that is to be changed.
    pub(crate) fn database_mut(&mut self, name: &DatabaseName) -> Option<&mut DatabaseState> {
        self.databases.get_mut(name).map(Arc::make_mut)
    }

    /// The number for the next database.
    pub(crate) fn next_number(&self) -> DatabaseNumber {
        let highest = self.databases.values().map(|database| database.number().0).max();
        DatabaseNumber(highest.map_or(0, |highest| highest + 1))
    }

    /// The state `self`, with what `after` says of logs that will have been read in part: readers are told before they can read the part. `None`
    /// if nothing is new.
    pub(crate) fn announcing(&self, after: &Self) -> Option<Self> {
        let mut announced = None;
        for (name, database) in &after.databases {
            let news = self
                .databases
                .get(name)
                .is_some_and(|before| !database.partial.is_subset(&before.partial));
            if news && let Some(before) = announced.get_or_insert_with(|| self.clone()).database_mut(name) {
                before.partial.extend(database.partial.iter().cloned());
            }
        }
        announced
    }

    /// Whether somebody who waits for writes of others, or for what others know, should look again.
    pub(crate) fn has_learned_since(&self, before: &Self) -> bool {
        let own = self.identity.replica;
        let others = |database: &DatabaseState| -> Vec<_> {
            let knowledge = database.record.knowledge.iter();
            knowledge.filter(|(replica, _)| *replica != own).collect()
        };
        let news = |(name, database): (&DatabaseName, &Arc<DatabaseState>)| {
            before.databases.get(name).is_none_or(|before| {
                !Arc::ptr_eq(before, database)
                    && (others(before) != others(database)
                        || before.partial != database.partial
                        || before.matrix != database.matrix)
            })
        };
        self.identity != before.identity || self.behind != before.behind || self.databases.iter().any(news)
    }

    /// What every member datacenter is known to have of a database: this one, the configured ones, those that the system database names, and
    /// those of which anybody has reported.
    pub(crate) fn stable(&self, database: &DatabaseState, configured: &[DatacenterName]) -> VersionVector {
        let reported = database.matrix.rows().map(|(datacenter, _)| datacenter);
        let members: BTreeSet<_> = configured
            .iter()
            .chain(self.replicas.values())
            .chain(reported)
            .collect();
        database
            .matrix
            .stable(&self.identity.datacenter, &database.record.knowledge, members)
    }
}
