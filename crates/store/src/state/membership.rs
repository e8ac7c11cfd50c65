//! Which datacenters were retired, and who has shut them out since.
//!
//! A retired datacenter no longer holds back what is stable, but not at once: a node may still receive from another one what that one had from it. So each
//! remaining datacenter confirms that it takes nothing more from the retired one, and says what it had of it by then. A database counts without it once all
//! have confirmed, and this node has all that any of them had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, Object, ReplicaId, VersionVector};
use serde::{Deserialize, Serialize};

use super::definition::{document, from_hex, to_hex};

pub(super) const DATACENTER: &str = "datacenter/";
pub(super) const CONFIRMATION: &str = "retirement/";

/// What is recorded of a datacenter that was retired once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// Whether it is retired now.
    pub retired: bool,
    /// Counts its retirements, from 1 on.
    pub term: u64,
    /// The datacenter where that was asked for.
    pub by: DatacenterName,
    /// When, in milliseconds since 1970 by the clock there.
    pub unix_ms: u64,
    /// The replica ids that it has had: a node with one of them, or with a data directory that began with one, stays shut out for good.
    pub replicas: BTreeSet<ReplicaId>,
}

/// A datacenter takes nothing more from one that was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// Which datacenter confirms it.
    pub by: DatacenterName,
    /// Which retirement.
    pub term: u64,
    /// What it had of the retired one's writes by then.
    pub seen: BTreeMap<DatabaseName, VersionVector>,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memberships {
    recorded: Arc<BTreeMap<DatacenterName, Membership>>,
    /// By the retired datacenter, then by who confirms.
    confirmed: Arc<BTreeMap<DatacenterName, BTreeMap<DatacenterName, Confirmation>>>,
}

impl Memberships {
    /// What is recorded of a datacenter; `None`: it was never retired.
    pub(crate) fn of(&self, datacenter: &DatacenterName) -> Option<&Membership> {
        self.recorded.get(datacenter)
    }

    /// The datacenters that were retired once.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = (&DatacenterName, &Membership)> {
        self.recorded.iter()
    }

    /// Whether a datacenter is retired.
    pub(crate) fn is_retired(&self, datacenter: &DatacenterName) -> bool {
        self.of(datacenter).is_some_and(|membership| membership.retired)
    }

    /// What a datacenter has confirmed of the retirement of another that is in force.
    pub(crate) fn confirmation(&self, retired: &DatacenterName, by: &DatacenterName) -> Option<&Confirmation> {
        let term = self.of(retired).filter(|membership| membership.retired)?.term;
        let confirmation = self.confirmed.get(retired)?.get(by)?;
        (confirmation.term == term).then_some(confirmation)
    }

    /// Takes in what is recorded of a datacenter.
    pub(crate) fn record(&mut self, datacenter: DatacenterName, membership: Membership) {
        Arc::make_mut(&mut self.recorded).insert(datacenter, membership);
    }

    /// Takes in a confirmation. A node may have given one under each replica id: the newest counts, and equally new ones together.
    pub(crate) fn confirm(&mut self, retired: DatacenterName, confirmation: Confirmation) {
        let of_retired = Arc::make_mut(&mut self.confirmed).entry(retired).or_default();
        match of_retired.get_mut(&confirmation.by) {
            Some(known) if known.term > confirmation.term => {}
            Some(known) if known.term == confirmation.term => {
                for (database, seen) in confirmation.seen {
                    known.seen.entry(database).or_default().merge(&seen);
                }
            }
            _ => drop(of_retired.insert(confirmation.by.clone(), confirmation)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MembershipBody {
    retired: bool,
    term: u64,
    by: String,
    unix_ms: u64,
    replicas: BTreeMap<String, bool>,
}

#[derive(Serialize, Deserialize)]
struct ConfirmationBody {
    datacenter: String,
    term: u64,
    /// In hex.
    seen: BTreeMap<String, String>,
}

/// Reads what the document of a datacenter says.
pub(super) fn read_membership(json: &str) -> Option<Membership> {
    let body: MembershipBody = serde_json::from_str(json).ok()?;
    let replicas: Option<_> = body.replicas.keys().map(|replica| replica.parse().ok()).collect();
    Some(Membership {
        retired: body.retired,
        term: body.term,
        by: body.by.parse().ok()?,
        unix_ms: body.unix_ms,
        replicas: replicas?,
    })
}

/// Reads what the document of a confirmation says.
pub(super) fn read_confirmation(json: &str) -> Option<Confirmation> {
    let body: ConfirmationBody = serde_json::from_str(json).ok()?;
    let seen: Option<_> = body
        .seen
        .into_iter()
        .map(|(name, seen)| {
            let name = DatabaseName::internal(&name).ok()?;
            Some((name, VersionVector::decode(&from_hex(&seen)?).ok()?))
        })
        .collect();
    Some(Confirmation {
        by: body.datacenter.parse().ok()?,
        term: body.term,
        seen: seen?,
    })
}

/// The document that says whether a datacenter is retired.
pub(crate) fn membership_document(
    datacenter: &DatacenterName,
    membership: &Membership,
) -> Option<(DocumentId, Arc<Object>)> {
    let replicas = membership.replicas.iter();
    let body = MembershipBody {
        retired: membership.retired,
        term: membership.term,
        by: membership.by.to_string(),
        unix_ms: membership.unix_ms,
        replicas: replicas.map(|replica| (replica.to_string(), true)).collect(),
    };
    document(format!("{DATACENTER}{datacenter}"), &body)
}

/// The document of the node of a replica that says that it takes nothing more from a retired datacenter.
pub(crate) fn confirmation_document(
    retired: &DatacenterName,
    replica: ReplicaId,
    confirmation: &Confirmation,
) -> Option<(DocumentId, Arc<Object>)> {
    let seen = confirmation.seen.iter();
    let body = ConfirmationBody {
        datacenter: confirmation.by.to_string(),
        term: confirmation.term,
        seen: seen
            .map(|(name, seen)| (name.to_string(), to_hex(&seen.encode())))
            .collect(),
    };
    document(format!("{CONFIRMATION}{retired}/{replica}"), &body)
}

#[cfg(test)]
mod tests {
    use rejoin_document::HlcTime;

    use super::super::SystemDocument;
    use super::*;

    fn name(text: &str) -> DatacenterName {
        text.parse().unwrap()
    }

    fn confirmation(by: &str, term: u64, time: u64) -> Confirmation {
        let seen = [(ReplicaId([7; 8]), HlcTime(time))].into_iter().collect();
        Confirmation {
            by: name(by),
            term,
            seen: [("shop".parse().unwrap(), seen)].into_iter().collect(),
        }
    }

    #[test]
    fn a_retirement_and_its_confirmation_are_read_back_from_their_documents() {
        let membership = Membership {
            retired: true,
            term: 2,
            by: name("east"),
            unix_ms: 5,
            replicas: [ReplicaId([1; 8]), ReplicaId([2; 8])].into_iter().collect(),
        };
        let (id, body) = membership_document(&name("west"), &membership).unwrap();
        let Some(SystemDocument::Datacenter(datacenter, read)) = SystemDocument::read(&id, &body) else {
            panic!("not a datacenter")
        };
        assert_eq!((datacenter, read), (name("west"), membership));
        let given = confirmation("south", 2, 9);
        let (id, body) = confirmation_document(&name("west"), ReplicaId([3; 8]), &given).unwrap();
        let Some(SystemDocument::Confirmation(retired, read)) = SystemDocument::read(&id, &body) else {
            panic!("not a confirmation")
        };
        assert_eq!((retired, read), (name("west"), given));
    }

    #[test]
    fn the_newest_confirmation_of_a_datacenter_counts_and_equal_ones_together_in_any_order() {
        let given = [
            confirmation("south", 1, 9),
            confirmation("south", 2, 3),
            confirmation("south", 2, 4),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut all = Memberships::default();
            all.record(
                name("west"),
                Membership {
                    retired: true,
                    term: 2,
                    by: name("east"),
                    unix_ms: 0,
                    replicas: BTreeSet::new(),
                },
            );
            for place in order {
                all.confirm(name("west"), given[place].clone());
            }
            let counts = all.confirmation(&name("west"), &name("south")).unwrap();
            assert_eq!(*counts, confirmation("south", 2, 4));
            assert_eq!(all.confirmation(&name("west"), &name("east")), None);
        }
    }
}
