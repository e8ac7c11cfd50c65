//! Datacenters come and go: peers that are added while the node runs, and retirements, which replicate.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::{DatabaseName, DatacenterName, VersionVector};

use super::group::Group;
use crate::engine::Family;
use crate::error::CommitError;
use crate::keys::peers::{self, AddedPeer, PeerKey};
use crate::operation::Outcome;
use crate::state::{Confirmation, Membership, confirmation_document, membership_document};

impl Group<'_> {
    /// A peer of this node from now on; one that was retired is a member again.
    pub(super) fn add_peer(&mut self, peer: DatacenterName, added: AddedPeer) -> Result<Outcome, CommitError> {
        self.refuse_own(&peer)?;
        let mut changed = false;
        if let Some(former) = self
            .state
            .memberships
            .of(&peer)
            .filter(|former| former.retired)
            .cloned()
        {
            let membership = Membership {
                retired: false,
                by: self.state.identity.datacenter.clone(),
                unix_ms: self.pipeline.now().unix_ms(),
                ..former
            };
            self.write_system(membership_document(&peer, &membership))?;
            changed = true;
        }
        if self.state.added.get(&peer) != Some(&added) {
            let key = PeerKey::Added(peer.clone()).encode();
            self.batch.put(Family::Peers, key, peers::encode_added(&added));
            self.state.added.insert(peer, added);
            changed = true;
        }
        Ok(Outcome::Membership { changed })
    }

    /// Retires a datacenter for good: with it go all replica ids that it is known to have had.
    pub(super) fn retire(&mut self, datacenter: &DatacenterName) -> Result<Outcome, CommitError> {
        self.refuse_own(datacenter)?;
        let former = self.state.memberships.of(datacenter).cloned();
        if former.as_ref().is_some_and(|former| former.retired) {
            return Ok(Outcome::Membership { changed: false });
        }
        if former.is_none() && !self.state.others(&self.options.peers).contains(datacenter) {
            return Err(CommitError::UnknownPeer {
                peer: datacenter.clone(),
            });
        }
        let (term, mut replicas) = former.map_or_else(Default::default, |former| (former.term, former.replicas));
        let of_it = self.state.replicas.iter().filter(|(_, name)| *name == datacenter);
        replicas.extend(of_it.map(|(replica, _)| *replica));
        let membership = Membership {
            retired: true,
            term: term.saturating_add(1),
            by: self.state.identity.datacenter.clone(),
            unix_ms: self.pipeline.now().unix_ms(),
            replicas,
        };
        self.write_system(membership_document(datacenter, &membership))?;
        Ok(Outcome::Membership { changed: true })
    }

    /// Says that this node takes nothing more from a retired datacenter, and what it has of it. Nothing of it may be on its way any more.
    pub(super) fn confirm_retirement(&mut self, datacenter: &DatacenterName) -> Result<Outcome, CommitError> {
        let own = self.state.identity.datacenter.clone();
        let Some(membership) = self.state.memberships.of(datacenter).filter(|it| it.retired).cloned() else {
            return Ok(Outcome::Membership { changed: false });
        };
        if self.state.memberships.confirmation(datacenter, &own).is_some() {
            return Ok(Outcome::Membership { changed: false });
        }
        let of_it = self.state.replicas.iter().filter(|(_, name)| *name == datacenter);
        let replicas: BTreeSet<_> = of_it.map(|(replica, _)| *replica).chain(membership.replicas).collect();
        let seen: BTreeMap<DatabaseName, VersionVector> = self
            .state
            .databases
            .iter()
            .map(|(name, database)| {
                let knowledge = database.record.knowledge.iter();
                let seen = knowledge.filter(|(replica, _)| replicas.contains(replica)).collect();
                (name.clone(), seen)
            })
            .filter(|(_, seen): &(_, VersionVector)| !seen.is_empty())
            .collect();
        let confirmation = Confirmation {
            by: own,
            term: membership.term,
            seen,
        };
        let document = confirmation_document(datacenter, self.state.identity.replica, &confirmation);
        self.write_system(document)?;
        Ok(Outcome::Membership { changed: true })
    }

    /// Takes over what a document of the system database says of a datacenter. With a retired one this node has nothing to do any more.
    pub(super) fn take_membership(&mut self, datacenter: DatacenterName, membership: Membership) {
        if membership.retired {
            if self.state.behind.remove(&datacenter) {
                self.batch
                    .delete(Family::Peers, PeerKey::Behind(datacenter.clone()).encode());
            }
            if self.state.added.remove(&datacenter).is_some() {
                self.batch
                    .delete(Family::Peers, PeerKey::Added(datacenter.clone()).encode());
            }
        }
        self.state.memberships.record(datacenter, membership);
    }

    fn refuse_own(&self, datacenter: &DatacenterName) -> Result<(), CommitError> {
        match *datacenter == self.state.identity.datacenter {
            true => Err(CommitError::OwnDatacenter {
                name: datacenter.clone(),
            }),
            false => Ok(()),
        }
    }
}
