//! A new identity, when the disk turns out to be older than what the world knows of this replica.

use std::collections::BTreeMap;

use rejoin_document::{DatabaseName, HlcTime, Incarnation, ReplicaId, VersionVector};

use super::group::Group;
use crate::engine::Family;
use crate::error::CommitError;
use crate::keys::meta::{self, IdentityRecord};
use crate::keys::peers::{self, PeerKey};
use crate::operation::Outcome;
use crate::options::{Place, StoreOptions};
use crate::state::replica_document;

/// A replica id and an incarnation that nobody had before.
pub(crate) fn fresh_identity(options: &StoreOptions) -> (ReplicaId, Incarnation) {
    let [a, b, c, d, e, f, g, h, incarnation @ ..] = (options.entropy)();
    (
        ReplicaId([a, b, c, d, e, f, g, h]),
        Incarnation(u64::from_be_bytes(incarnation)),
    )
}

impl Group<'_> {
    /// Goes on under a new replica id and serves a new log. What it writes stands beside what it has lost, as if it had been cut off since its disk was
    /// written: only what a client changed gets a new dot, so nothing that others removed or overwrote meanwhile comes back with it.
    pub(super) fn assume_identity(&mut self, reason: &str) -> Result<Outcome, CommitError> {
        let (replica, incarnation) = fresh_identity(self.options);
        // What can fail comes first: reading the document, and the clock.
        let introduction = replica_document(replica, &self.state.identity.datacenter);
        if let Some((id, _)) = &introduction {
            self.load(&*self.database(&DatabaseName::system())?, id)?;
        }
        self.issue()?;
        let former = std::mem::replace(&mut self.state.identity.replica, replica);
        tracing::warn!(%former, %replica, reason, "this node takes a new replica id; it gets lost writes back from its peers");
        self.state.identity.incarnation = incarnation;
        self.pipeline.clock.rename(replica);
        self.disclaim(former);
        self.fall_behind();
        self.put_identity();
        self.write_system(introduction)?;
        Ok(Outcome::Identity(self.state.identity.clone()))
    }

    /// If somebody has a write of this very replica that it does not know, the disk is older than it looked. Whether that was so.
    pub(super) fn check_own_times<'v>(
        &mut self,
        name: &DatabaseName,
        vectors: impl Iterator<Item = &'v VersionVector>,
    ) -> Result<bool, CommitError> {
        let replica = self.state.identity.replica;
        let older = self.state.databases.get(name).is_some_and(|database| {
            let mut times = vectors.map(|vector| vector.get(replica));
            times.any(|time| database.lacks(replica, time))
        });
        if older {
            self.assume_identity("a peer has a write of this replica that its disk has not")?;
        }
        Ok(older)
    }

    /// All peers are to be caught up with.
    pub(crate) fn fall_behind(&mut self) {
        for peer in self.state.peers(&self.options.peers) {
            if self.state.behind.insert(peer.clone()) {
                self.batch
                    .put(Family::Peers, PeerKey::Behind(peer).encode(), peers::encode_mark());
            }
        }
    }

    /// Moves the ends of all logs to where this run numbers from.
    pub(crate) fn number_logs(&mut self) {
        let names: Vec<DatabaseName> = self.state.databases.keys().cloned().collect();
        for name in names {
            let from = self.pipeline.numbers_from;
            if let Some(database) = self.state.database_mut(&name) {
                database.record.sequence = database.record.sequence.max(from);
            }
        }
    }

    /// Records the identity with the place where it holds.
    pub(crate) fn put_identity(&mut self) {
        let Place { host, path, inode, .. } = self.options.place.clone();
        let (replica, incarnation) = (self.state.identity.replica, self.state.identity.incarnation);
        let record = IdentityRecord {
            replica,
            incarnation,
            datacenter: self.state.identity.datacenter.to_string(),
            host,
            path,
            inode,
        };
        self.batch
            .put(Family::Meta, meta::IDENTITY_KEY.to_vec(), record.encode());
    }

    /// Tells the other datacenters whose replica this is.
    pub(crate) fn introduce(&mut self) -> Result<(), CommitError> {
        let identity = &self.state.identity;
        if self.state.replicas.get(&identity.replica) == Some(&identity.datacenter) {
            return Ok(());
        }
        let document = replica_document(identity.replica, &identity.datacenter);
        self.write_system(document)
    }

    /// Of the former replica's writes only those are vouched for that were on the disk when it was opened: between them and the newer ones
    /// there may be writes that are lost here. What peers sent since then left out what was claimed: their logs are read again.
    fn disclaim(&mut self, former: ReplicaId) {
        let opened: BTreeMap<DatabaseName, HlcTime> = std::mem::take(&mut self.pipeline.opened);
        let names: Vec<DatabaseName> = self.state.databases.keys().cloned().collect();
        for name in names {
            let Some(database) = self.state.database_mut(&name) else {
                continue;
            };
            database.gap = None;
            let number = database.number();
            for peer in std::mem::take(&mut database.positions).into_keys() {
                self.batch
                    .delete(Family::Peers, PeerKey::Position(number, peer).encode());
            }
            let vouched = opened.get(&name).copied().unwrap_or_default();
            if database.record.knowledge.get(former) > vouched {
                let knowledge = database.record.knowledge.iter();
                let knowledge = knowledge.map(|(replica, time)| {
                    if replica == former {
                        (replica, vouched)
                    } else {
                        (replica, time)
                    }
                });
                database.record.knowledge = knowledge.filter(|(_, time)| *time > HlcTime::ZERO).collect();
            }
        }
    }
}
