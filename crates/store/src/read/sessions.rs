//! What this node has of what a session has seen, and what it knows that other datacenters have.

use std::collections::BTreeSet;

use rejoin_document::{
    DatabaseName, DatacenterName, Dot, HlcTime, Position, ReplicaId, RuleSet, Sequence, VersionVector,
};

use super::access::EXAMINED_MAX;
use crate::engine::{Family, KeyRange};
use crate::error::{ReadError, StoreError};
use crate::keys::databases::{self, DatabaseRecord};
use crate::keys::{DatabaseNumber, documents};
use crate::latest::Follower;
use crate::record::StoredDocument;
use crate::state::{DatabaseState, SystemDocument};
use crate::store::Store;

/// What a session has seen of one database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Every write, but for what was left out.
    pub writes: VersionVector,
    /// Where a node's log stood when it had all of this.
    pub had_at: Option<Position>,
    /// Whether writes were left out that every member datacenter was known to have.
    pub shortened: bool,
}

/// What this node lacks of what a session has seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lacking {
    /// Replicas of which a write is missing, in ascending order.
    pub replicas: Vec<ReplicaId>,
    /// Peers whose logs this node has not read to the end since it took its identity, in ascending order: what was left out may be missing.
    pub unread: Vec<DatacenterName>,
}

impl Store {
    /// Changes whenever a waiting reader or writer should look again: this node has learned of writes of others, of what others know, or of a
    /// database, or goes on under a new identity. It does not change with each write of this node.
    pub fn learned(&self) -> Follower<()> {
        self.learning().follow()
    }

    /// Whether all that a session has seen is part of what reads of the database show from now on. Of a database that is not defined here that is
    /// so if the session has seen nothing.
    ///
    /// A node's state only grows. So what it had at a position of its own log it has at every later one, whatever its knowledge says; a log that
    /// has not come as far as the session saw it, or that lacks a write of the node's own, was put back to an older disk.
    pub fn has_seen(&self, name: &DatabaseName, seen: &Seen) -> bool {
        let state = self.state();
        let Some(database) = state.databases.get(name) else {
            return seen.writes.is_empty() && !seen.shortened;
        };
        let knowledge = &database.record.knowledge;
        let own = state.identity.replica;
        let had = seen.had_at.is_some_and(|at| {
            at.incarnation == state.identity.incarnation
                && database.record.sequence >= at.sequence
                && knowledge.get(own) >= seen.writes.get(own)
        });
        let unread = || {
            let behind = !state.behind.is_empty();
            behind || !unread(database, &state.peers(&self.options().peers)).is_empty()
        };
        had || knowledge.dominates(&seen.writes) && !(seen.shortened && unread())
    }

    /// What keeps [`Self::has_seen`] from being true.
    pub fn lacking(&self, name: &DatabaseName, seen: &Seen) -> Lacking {
        let state = self.state();
        let database = state.databases.get(name);
        let known = |replica| database.map_or(HlcTime::ZERO, |database| database.record.knowledge.get(replica));
        let missing = seen.writes.iter().filter(|(replica, time)| known(*replica) < *time);
        let peers = &state.peers(&self.options().peers);
        let unread: BTreeSet<_> = match database {
            Some(database) => unread(database, peers).into_iter().collect(),
            None => peers.iter().cloned().collect(),
        };
        Lacking {
            replicas: missing.map(|(replica, _)| replica).collect(),
            unread: unread
                .union(&state.behind)
                .filter(|_| seen.shortened)
                .cloned()
                .collect(),
        }
    }

    /// Whether what a session has seen of this node's own writes is on the disk, though the state does not say so yet: a commit shows what it has
    /// written a moment after it can be read.
    ///
    /// # Errors
    /// The disk fails.
    pub fn has_written(&self, name: &DatabaseName, seen: &Seen) -> Result<bool, ReadError> {
        let own = self.identity().replica;
        let value = self.engine().get(Family::Databases, &databases::key(name))?;
        let record = value.map(|value| DatabaseRecord::decode(&value)).transpose()?;
        Ok(record.is_some_and(|record| record.knowledge.get(own) >= seen.writes.get(own)))
    }

    /// Where this node's log of a database stands; of one that is not defined here, at its beginning.
    pub fn position(&self, name: &DatabaseName) -> Position {
        let state = self.state();
        let database = state.databases.get(name);
        Position {
            incarnation: state.identity.incarnation,
            sequence: database.map_or(Sequence(0), |database| database.record.sequence),
        }
    }

    /// Peers of which this node has received a part of what they have of a database, and the rest not yet, in ascending order.
    pub fn catching_up_from(&self, name: &DatabaseName) -> Vec<DatacenterName> {
        let state = self.state();
        let database = state.databases.get(name);
        let peers = state.peers(&self.options().peers);
        database.map_or_else(Vec::new, |database| partial(database, &peers))
    }

    /// This datacenter, its peers, and those that the system database names, in ascending order; none that is retired.
    pub fn members(&self) -> BTreeSet<DatacenterName> {
        let state = self.state();
        let peers = self.options().peers.iter().chain(state.added.keys());
        let others = peers.chain(state.replicas.values());
        let others = others.filter(|name| !state.memberships.is_retired(name));
        let own = std::iter::once(&state.identity.datacenter);
        own.chain(others).cloned().collect()
    }

    /// Whether a datacenter is known to have a write, by what peers have relayed of it. It had the write once; whether it was restored to an older
    /// disk since, this does not tell.
    pub fn is_known_by(&self, name: &DatabaseName, datacenter: &DatacenterName, dot: Dot) -> bool {
        let state = self.state();
        let database = state.databases.get(name);
        let row = database.and_then(|database| database.matrix.row(datacenter));
        row.is_some_and(|row| row.covers(dot))
    }

    /// When a newer replica of the same datacenter took the place of this one; `None` if none did, as far as the system database says.
    ///
    /// # Errors
    /// The disk fails.
    pub fn replaced(&self, replica: ReplicaId) -> Result<Option<HlcTime>, ReadError> {
        let Some(datacenter) = self.datacenter_of(replica) else {
            return Ok(None);
        };
        let mut introductions = Vec::new();
        let range = KeyRange::prefix(&DatabaseNumber::SYSTEM.prefix());
        for entry in self.engine().scan(Family::Documents, range).take(EXAMINED_MAX) {
            introductions.extend(introduction(&entry.map_err(StoreError::from)?, &datacenter)?);
        }
        let introduced = |(id, _): &&(ReplicaId, HlcTime)| *id == replica;
        let since = introductions.iter().find(introduced).map(|(_, time)| *time);
        let newer = introductions
            .iter()
            .map(|(_, time)| *time)
            .filter(|time| Some(*time) > since);
        Ok(newer.min().filter(|_| since.is_some()))
    }
}

/// The replica of this datacenter that a document of the system database introduces, and when it did: it wrote the document itself.
fn introduction(
    (key, value): &(Box<[u8]>, Box<[u8]>),
    of: &DatacenterName,
) -> Result<Option<(ReplicaId, HlcTime)>, StoreError> {
    let (_, id) = documents::decode_key(key)?;
    let document = StoredDocument::decode(value)?.document;
    let shown = document.shown(&RuleSet::default());
    Ok(match SystemDocument::read(&id, &shown.body) {
        Some(SystemDocument::Replica(replica, datacenter)) if datacenter == *of => {
            Some((replica, document.context().get(replica)))
        }
        _ => None,
    })
}

/// A datacenter that is no peer any more sends no rest.
pub(super) fn partial(database: &DatabaseState, peers: &BTreeSet<DatacenterName>) -> Vec<DatacenterName> {
    let sending: BTreeSet<_> = database.partial.iter().chain(database.ahead.keys()).collect();
    let configured = sending.into_iter().filter(|peer| peers.contains(*peer));
    configured.cloned().collect()
}

/// Peers whose logs were not read to the end since this node took its identity.
fn unread(database: &DatabaseState, peers: &BTreeSet<DatacenterName>) -> Vec<DatacenterName> {
    let read = |peer: &DatacenterName| database.positions.contains_key(peer) && !database.partial.contains(peer);
    peers.iter().filter(|peer| !read(peer)).cloned().collect()
}
