//! The whole node in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, HlcTime, ReplicaId, VersionVector};

use super::{DatabaseState, Deletions, Memberships};
use crate::keys::DatabaseNumber;
use crate::keys::peers::AddedPeer;
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
    /// Peers that were added while a node ran on this directory.
    pub added: BTreeMap<DatacenterName, AddedPeer>,
    /// Which datacenters are retired.
    pub memberships: Memberships,
    /// All databases, the system's too.
    pub databases: BTreeMap<DatabaseName, Arc<DatabaseState>>,
    /// Whose replicas are whose, as the system database says.
    pub replicas: Arc<BTreeMap<ReplicaId, DatacenterName>>,
    /// Deletions of databases, those too whose definitions have not arrived yet.
    pub deletions: Arc<BTreeMap<DatabaseName, Deletions>>,
    /// The newest heal report's id.
    pub last_heal: u64,
}

impl NodeState {
    /// A database that is to be changed.
    pub(crate) fn database_mut(&mut self, name: &DatabaseName) -> Option<&mut DatabaseState> {
        self.databases.get_mut(name).map(Arc::make_mut)
    }

    /// The incarnations of a database that are defined here, in ascending order of their names' bytes.
    pub(crate) fn incarnations<'a>(
        &'a self,
        name: &DatabaseName,
    ) -> impl Iterator<Item = &'a Arc<DatabaseState>> + use<'a> {
        let base = name.base();
        // The characters of a name that may follow a name lie elsewhere than `@`, the one before `A`.
        let later: (Bound<String>, Bound<String>) =
            (Bound::Included(format!("{base}@")), Bound::Excluded(format!("{base}A")));
        let later = (
            later.0.as_ref().map(String::as_str),
            later.1.as_ref().map(String::as_str),
        );
        let later = self.databases.range::<str, _>(later).map(|(_, database)| database);
        self.databases.get(&base).into_iter().chain(later)
    }

    /// The newest incarnation of a database.
    pub(crate) fn newest(&self, name: &DatabaseName) -> Option<&Arc<DatabaseState>> {
        self.incarnations(name)
            .max_by_key(|database| database.definition.name.incarnation())
    }

    /// The name of an incarnation that nobody here has heard of.
    pub(crate) fn next_incarnation(&self, name: &DatabaseName) -> DatabaseName {
        let base = name.base();
        let deleted = self.deletions.keys().filter(|deleted| deleted.base() == base);
        let known = self.incarnations(&base).map(|database| &database.definition.name);
        let highest = known.chain(deleted).map(DatabaseName::incarnation).max();
        base.of_incarnation(highest.map_or(1, |highest| highest.saturating_add(1)))
    }

    /// The peers of this node: the configured ones, and those that were added since; none that is retired.
    pub(crate) fn peers(&self, configured: &[DatacenterName]) -> BTreeSet<DatacenterName> {
        let all = configured.iter().chain(self.added.keys());
        all.filter(|peer| !self.memberships.is_retired(peer)).cloned().collect()
    }

    /// All datacenters, retired ones too: this one, the configured peers, those that were added, those that the system database names, and those of which
    /// anybody has reported.
    pub(crate) fn everybody(&self, configured: &[DatacenterName]) -> BTreeSet<DatacenterName> {
        let system = self.databases.get(&DatabaseName::system());
        let reported = system
            .into_iter()
            .flat_map(|system| system.matrix.rows().map(|(datacenter, _)| datacenter));
        let own = std::iter::once(&self.identity.datacenter);
        let peers = configured.iter().chain(self.added.keys());
        let all = own.chain(peers).chain(self.replicas.values()).chain(reported);
        all.cloned().collect()
    }

    /// All members but this datacenter.
    pub(crate) fn others(&self, configured: &[DatacenterName]) -> BTreeSet<DatacenterName> {
        let mut others = self.everybody(configured);
        others.retain(|name| *name != self.identity.datacenter && !self.memberships.is_retired(name));
        others
    }

    /// Whether a retired datacenter no longer holds back what is stable of a database: every member has confirmed that it takes nothing more from it, and all
    /// that any of them had of it is here.
    fn is_released(
        &self,
        retired: &DatacenterName,
        database: &DatabaseState,
        members: &BTreeSet<DatacenterName>,
    ) -> bool {
        let name = &database.definition.name;
        let knows = |seen: &VersionVector| database.record.knowledge.dominates(seen);
        members.iter().all(|member| {
            let confirmation = self.memberships.confirmation(retired, member);
            confirmation.is_some_and(|confirmation| confirmation.seen.get(name).is_none_or(knows))
        })
    }

    /// The other datacenters that are not known to hold a database's definition as it is here.
    pub(crate) fn lacking(&self, database: &DatabaseState, configured: &[DatacenterName]) -> Vec<DatacenterName> {
        let system = self.databases.get(&DatabaseName::system());
        let holds = |datacenter: &DatacenterName| {
            system
                .and_then(|system| system.matrix.row(datacenter))
                .is_some_and(|row| row.dominates(&database.version.1))
        };
        let others = self.others(configured).into_iter();
        others.filter(|datacenter| !holds(datacenter)).collect()
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
            let is_told = |before: &DatabaseState| {
                let mut ahead = database.ahead.keys();
                database.partial.is_subset(&before.partial) && ahead.all(|peer| before.ahead.contains_key(peer))
            };
            let news = self.databases.get(name).is_some_and(|before| !is_told(before));
            if news && let Some(before) = announced.get_or_insert_with(|| self.clone()).database_mut(name) {
                before.partial.extend(database.partial.iter().cloned());
                let ahead = database.ahead.iter().map(|(peer, ahead)| (peer.clone(), ahead.clone()));
                before.ahead.extend(ahead);
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
                        || before.ahead != database.ahead
                        || before.matrix != database.matrix)
            })
        };
        self.identity != before.identity || self.behind != before.behind || self.databases.iter().any(news)
    }

    /// What every member datacenter is known to have of a database: this one, its peers, those that the system database names, and those of which anybody
    /// has reported; retired ones only until they are released.
    pub(crate) fn stable(&self, database: &DatabaseState, configured: &[DatacenterName]) -> VersionVector {
        let reported = database.matrix.rows().map(|(datacenter, _)| datacenter);
        let peers = configured.iter().chain(self.added.keys());
        let mut counting: BTreeSet<_> = peers.chain(self.replicas.values()).chain(reported).collect();
        if self.memberships.recorded().any(|(_, membership)| membership.retired) {
            let mut members = self.others(configured);
            members.insert(self.identity.datacenter.clone());
            let retired = |name: &DatacenterName| self.memberships.is_retired(name);
            counting.retain(|name| !retired(name) || !self.is_released(name, database, &members));
        }
        database
            .matrix
            .stable(&self.identity.datacenter, &database.record.knowledge, counting)
    }
}
