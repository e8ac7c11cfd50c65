//! The datacenters that this node knows: members, peers, and retired ones.

use std::collections::BTreeMap;

use rejoin_document::{DatacenterName, ReplicaId};

use crate::keys::peers::AddedPeer;
use crate::store::Store;

/// A datacenter as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datacenter {
    /// Its name.
    pub name: DatacenterName,
    /// It is this node's own.
    pub own: bool,
    /// Since when it is retired, and by the operator of which datacenter; `None`: it is a member.
    pub retired: Option<Retired>,
}

/// A retirement that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// Where it was asked for.
    pub by: DatacenterName,
    /// When, in milliseconds since 1970 by the clock there.
    pub unix_ms: u64,
    /// The members that have not confirmed yet that they take nothing more from it, in ascending order: until they have, it holds back what is stable.
    pub unconfirmed: Vec<DatacenterName>,
}

impl Store {
    /// All datacenters in ascending order of their names.
    pub fn datacenters(&self) -> Vec<Datacenter> {
        let state = self.state();
        let own = &state.identity.datacenter;
        let mut names = state.everybody(&self.options().peers);
        names.extend(state.memberships.recorded().map(|(name, _)| name.clone()));
        let members = self.members();
        let datacenters = names.into_iter().map(|name| {
            let recorded = state.memberships.of(&name).filter(|membership| membership.retired);
            let retired = recorded.map(|membership| {
                let missing = members
                    .iter()
                    .filter(|member| state.memberships.confirmation(&name, member).is_none());
                Retired {
                    by: membership.by.clone(),
                    unix_ms: membership.unix_ms,
                    unconfirmed: missing.cloned().collect(),
                }
            });
            Datacenter {
                own: name == *own,
                name,
                retired,
            }
        });
        datacenters.collect()
    }

    /// Whether a node that says that it is of this datacenter, on a data directory that began with `lineage`, is shut out: the datacenter is retired,
    /// or the node is one from before that.
    pub fn shuts_out(&self, datacenter: &DatacenterName, lineage: ReplicaId, replica: ReplicaId) -> bool {
        let state = self.state();
        let recorded = state.memberships.of(datacenter);
        recorded.is_some_and(|recorded| {
            recorded.retired || recorded.replicas.contains(&lineage) || recorded.replicas.contains(&replica)
        })
    }

    /// Whether a datacenter is retired.
    pub fn is_retired(&self, datacenter: &DatacenterName) -> bool {
        self.state().memberships.is_retired(datacenter)
    }

    /// Whether this node itself is shut out by the others, as far as it has heard of that.
    pub fn is_shut_out(&self) -> bool {
        let identity = self.identity();
        self.shuts_out(&identity.datacenter, identity.lineage, identity.replica)
    }

    /// The retired datacenters of which this node has not confirmed yet that it takes nothing more from them.
    pub fn unconfirmed_retirements(&self) -> Vec<DatacenterName> {
        let state = self.state();
        let own = &state.identity.datacenter;
        let retired = state
            .memberships
            .recorded()
            .filter(|(_, membership)| membership.retired);
        let unconfirmed =
            retired.filter(|(name, _)| *name != own && state.memberships.confirmation(name, own).is_none());
        unconfirmed.map(|(name, _)| name.clone()).collect()
    }

    /// The peers that were added while a node ran on this directory, with their addresses.
    pub fn added_peers(&self) -> BTreeMap<DatacenterName, AddedPeer> {
        self.state().added.clone()
    }
}
