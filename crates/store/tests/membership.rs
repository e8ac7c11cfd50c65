//! Datacenters that are added, retired and taken in again, and what that means for what is kept for them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use rejoin_document::DatacenterName;
use rejoin_store::{AddedPeer, CommitError, MemoryEngine, Operation, Outcome, Store, StoreOptions};

fn datacenter(name: &str) -> DatacenterName {
    name.parse().unwrap()
}

fn without_retention(name: &str) -> StoreOptions {
    StoreOptions {
        tombstone_retention: Duration::ZERO,
        ..options(name)
    }
}

fn start(name: &str) -> (Arc<MemoryEngine>, Store) {
    let engine = Arc::new(MemoryEngine::new());
    let store = open(&engine, without_retention(name));
    (engine, store)
}

fn retire(store: &Store, name: &str) -> Result<bool, CommitError> {
    match one(
        store,
        Operation::Retire {
            datacenter: datacenter(name),
        },
    )? {
        Outcome::Membership { changed } => Ok(changed),
        other => panic!("{other:?}"),
    }
}

fn confirm(store: &Store, name: &str) {
    one(
        store,
        Operation::ConfirmRetirement {
            datacenter: datacenter(name),
        },
    )
    .unwrap();
}

fn add(store: &Store, name: &str, address: &str) -> bool {
    let added = AddedPeer {
        address: address.to_owned(),
        over: String::new(),
    };
    let peer = datacenter(name);
    matches!(
        one(store, Operation::AddPeer { peer, added }).unwrap(),
        Outcome::Membership { changed: true }
    )
}

/// Documents of which something is forgotten.
fn forget(store: &Store) -> u64 {
    pass(1);
    match one(store, Operation::Forget { database: shop() }).unwrap() {
        Outcome::Forgotten { documents, .. } => documents,
        other => panic!("{other:?}"),
    }
}

fn unconfirmed(store: &Store, name: &str) -> Vec<String> {
    let found = store
        .datacenters()
        .into_iter()
        .find(|found| found.name.as_str() == name)
        .unwrap();
    found
        .retired
        .unwrap()
        .unconfirmed
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Three datacenters with one document, of which a member was removed since south was last heard.
fn removed_unseen_by_south() -> [Store; 3] {
    let [(_, east), (_, west), (_, south)] = ["east", "west", "south"].map(start);
    create_database(&east, "shop", &[]).unwrap();
    put(&east, "a", create(r#"{"x":1,"y":1}"#));
    exchange(&[&east, &west, &south]);
    put(&east, "a", update(r#"{"x":1}"#));
    exchange(&[&east, &west]);
    [east, west, south]
}

#[test]
fn a_retired_datacenter_holds_back_what_is_stable_until_every_member_has_confirmed() {
    let [east, west, _south] = removed_unseen_by_south();
    assert_eq!((forget(&east), forget(&west)), (0, 0), "south has not seen the removal");
    assert!(retire(&east, "south").unwrap() && !retire(&east, "south").unwrap());
    assert_eq!(east.unconfirmed_retirements(), [datacenter("south")]);
    confirm(&east, "south");
    assert_eq!(east.unconfirmed_retirements(), []);
    assert_eq!(forget(&east), 0, "west may still get something from south");
    assert_eq!(unconfirmed(&east, "south"), ["west"]);
    exchange(&[&east, &west]);
    assert!(west.is_retired(&datacenter("south")));
    assert_eq!(forget(&west), 0);
    confirm(&west, "south");
    assert_eq!(forget(&west), 1, "west has heard of all");
    assert_eq!(forget(&east), 0, "east has not heard of west");
    exchange(&[&east, &west]);
    assert_eq!(unconfirmed(&east, "south"), Vec::<String>::new());
    assert_eq!(forget(&east), 1);
    assert!(!east.members().contains(&datacenter("south")));
}

#[test]
fn what_a_member_had_of_a_retired_one_has_to_be_here_before_it_counts_no_more() {
    let [east, west, south] = removed_unseen_by_south();
    // West alone gets what south writes last, and retires it.
    put(&south, "a", update(r#"{"x":1,"y":2}"#));
    sync(&south, &west);
    retire(&west, "south").unwrap();
    confirm(&west, "south");
    // East hears of that, and not yet of what west had.
    pull(&west, &east, &rejoin_document::DatabaseName::system());
    confirm(&east, "south");
    assert_eq!(unconfirmed(&east, "south"), Vec::<String>::new());
    assert_eq!(forget(&east), 0, "the edit that meets the removal is on its way");
    exchange(&[&east, &west]);
    let conflicts = |store: &Store| store.status().iter().map(|status| status.conflicts).sum::<u64>();
    assert_eq!((conflicts(&east), conflicts(&west)), (1, 1), "the removal is listed");
}

#[test]
fn nothing_of_a_retired_datacenter_is_applied_and_its_disks_stay_shut_out() {
    let [east, west, south] = removed_unseen_by_south();
    put(&south, "late", create("{}"));
    let shut_out = |store: &Store, of: &Store| {
        let identity = of.identity();
        store.shuts_out(&identity.datacenter, identity.lineage, identity.replica)
    };
    assert!(!shut_out(&east, &south));
    retire(&east, "south").unwrap();
    let dropped = apply_of(&south, &east, &shop(), scan(&south, &east, &shop()));
    assert!(matches!(one(&east, dropped), Ok(Outcome::Dropped { .. })));
    assert_eq!(shown(&east, "late"), None);
    assert!(shut_out(&east, &south));

    // Taken in again: another disk is welcome, the old one is not, under whatever replica id.
    assert!(add(&east, "south", "http://south:1"));
    exchange(&[&east, &west]);
    for store in [&east, &west] {
        assert!(!store.is_retired(&datacenter("south")));
        assert!(shut_out(store, &south));
    }
    let before = south.identity();
    south.assume_new_identity("a test").unwrap();
    assert_eq!(south.identity().lineage, before.lineage);
    assert!(shut_out(&east, &south) && shut_out(&west, &south));
    let (_, wiped) = start("south");
    assert!(!shut_out(&east, &wiped) && !shut_out(&west, &wiped));
    exchange(&[&east, &west, &wiped]);
    assert_eq!(shown(&wiped, "a"), shown(&east, "a"));

    // And retired again, with the disk that it has now.
    assert!(retire(&west, "south").unwrap());
    exchange(&[&east, &west]);
    assert!(shut_out(&east, &wiped));
    assert_eq!(
        unconfirmed(&east, "south"),
        ["east", "west"],
        "what was confirmed was another retirement"
    );
}

#[test]
fn an_added_peer_and_a_retirement_survive_a_restart_and_a_retired_one_is_no_peer() {
    let (engine, east) = start("east");
    assert!(add(&east, "north", "http://north:1") && !add(&east, "north", "http://north:1"));
    drop(east);
    let east = open(&engine, without_retention("east"));
    let added = east.added_peers();
    assert_eq!(added[&datacenter("north")].address, "http://north:1");
    assert!(east.members().contains(&datacenter("north")));
    let cut = |store: &Store| {
        one(
            store,
            Operation::SetLinkCut {
                peer: datacenter("north"),
                cut: true,
            },
        )
    };
    assert!(cut(&east).is_ok(), "it is a peer like any other");
    drop(east);
    let restored = StoreOptions {
        restored: true,
        ..without_retention("east")
    };
    let east = open(&engine, restored);
    assert_eq!(east.behind(), ["north", "south", "west"].map(datacenter));
    retire(&east, "north").unwrap();
    assert_eq!(east.behind(), ["south", "west"].map(datacenter), "nobody waits for it");
    drop(east);
    let east = open(&engine, without_retention("east"));
    assert!(east.is_retired(&datacenter("north")) && east.added_peers().is_empty());
    assert!(matches!(cut(&east), Err(CommitError::UnknownPeer { .. })));
}

#[test]
fn a_node_neither_adds_nor_retires_itself_nor_somebody_unknown() {
    let (_, east) = start("east");
    assert!(matches!(retire(&east, "east"), Err(CommitError::OwnDatacenter { .. })));
    assert!(matches!(retire(&east, "nowhere"), Err(CommitError::UnknownPeer { .. })));
    let added = AddedPeer {
        address: "http://east:1".to_owned(),
        over: String::new(),
    };
    let own = Operation::AddPeer {
        peer: datacenter("east"),
        added,
    };
    assert!(matches!(one(&east, own), Err(CommitError::OwnDatacenter { .. })));
    assert!(!east.is_shut_out());
}
