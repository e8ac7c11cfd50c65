//! Forgetting: only what every member datacenter has, only what is old enough, in steps.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use rejoin_document::VersionVector;
use rejoin_store::{CommitError, MemoryEngine, Operation, Outcome, Store, StoreOptions};

fn at_once(datacenter: &str, peers: &[&str]) -> StoreOptions {
    let peers = peers.iter().map(|peer| peer.parse().unwrap()).collect();
    StoreOptions {
        tombstone_retention: Duration::ZERO,
        peers,
        ..options(datacenter)
    }
}

fn forget(store: &Store) -> u64 {
    let mut forgotten = 0;
    for _ in 0..1000 {
        match one(store, Operation::Forget { database: shop() }).unwrap() {
            Outcome::Forgotten {
                documents,
                finished: true,
            } => return forgotten + documents,
            Outcome::Forgotten { documents, .. } => forgotten += documents,
            other => panic!("{other:?}"),
        }
    }
    panic!("forgetting does not end");
}

fn bytes(store: &Store, document: &str) -> usize {
    store.states(&shop(), &[id(document)]).unwrap()[0].state.len()
}

fn linked(east: StoreOptions, west: StoreOptions) -> (Store, Store) {
    let (east, west) = (
        open(&Arc::new(MemoryEngine::new()), east),
        open(&Arc::new(MemoryEngine::new()), west),
    );
    create_database(&east, "shop", &[]).unwrap();
    sync(&east, &west);
    sync(&west, &east);
    (east, west)
}

#[test]
fn a_deleted_documents_fields_go_once_every_datacenter_is_known_to_have_the_delete() {
    let (east, west) = linked(at_once("east", &["west"]), at_once("west", &["east"]));
    put(&east, "a", create(r#"{"secret":"0123456789"}"#));
    sync(&east, &west);
    sync(&west, &east);
    put(&east, "a", delete());
    let (full, sequence) = (bytes(&east, "a"), east.status()[0].sequence);
    assert_eq!(forget(&east), 0, "west has not seen the delete");
    sync(&east, &west);
    assert_eq!(forget(&east), 0, "east does not know that west has seen it");
    sync(&west, &east);
    assert_eq!(forget(&east), 1);
    assert!(bytes(&east, "a") < full, "a stub stays");
    assert_eq!(east.status()[0].sequence, sequence, "forgetting is no change");
    assert_eq!(forget(&east), 0, "nothing is left to forget");
    verify(&east, &shop());
    assert_eq!(
        east.root_digest(),
        west.root_digest(),
        "nodes forget at different times"
    );
    put(&east, "a", create(r#"{"n":1}"#));
    sync(&east, &west);
    assert_eq!(shown(&west, "a").unwrap(), r#"{"n":1}"#);
}

#[test]
fn nothing_is_forgotten_before_its_retention_is_over() {
    let hour = |options| StoreOptions {
        tombstone_retention: Duration::from_secs(3600),
        ..options
    };
    let (east, west) = linked(hour(at_once("east", &["west"])), hour(at_once("west", &["east"])));
    put(&east, "a", create(r#"{"n":1}"#));
    put(&east, "a", delete());
    sync(&east, &west);
    sync(&west, &east);
    pass(3599);
    assert_eq!(forget(&east), 0);
    pass(2);
    assert_eq!(forget(&east), 1);
}

#[test]
fn a_configured_datacenter_that_was_never_heard_of_holds_everything() {
    let (east, west) = linked(at_once("east", &["west", "south"]), at_once("west", &["east"]));
    put(&east, "a", create(r#"{"n":1}"#));
    put(&east, "a", delete());
    sync(&east, &west);
    sync(&west, &east);
    assert_eq!(forget(&east), 0);
    assert_eq!(east.stable(&shop()).unwrap(), VersionVector::new());
}

#[test]
fn a_datacenter_that_only_the_system_database_names_holds_everything() {
    let (east, west) = linked(at_once("east", &["west"]), at_once("west", &["east"]));
    let south = open(&Arc::new(MemoryEngine::new()), at_once("south", &["west"]));
    sync(&south, &west);
    put(&east, "a", create(r#"{"n":1}"#));
    put(&east, "a", delete());
    sync(&east, &west);
    sync(&west, &east);
    assert_eq!(forget(&east), 0, "south may still edit it");
    sync(&west, &south);
    sync(&south, &west);
    sync(&west, &east);
    assert_eq!(forget(&east), 1, "south's row came through west");
}

#[test]
fn forgetting_goes_on_in_bounded_steps() {
    let step = |options| StoreOptions {
        step_documents_max: 3,
        ..options
    };
    let (east, west) = linked(step(at_once("east", &["west"])), step(at_once("west", &["east"])));
    for n in 0..10 {
        put(&east, &n.to_string(), create("{\"n\":1}"));
        put(&east, &n.to_string(), delete());
    }
    sync(&east, &west);
    sync(&west, &east);
    let Outcome::Forgotten { documents, finished } = one(&east, Operation::Forget { database: shop() }).unwrap() else {
        panic!()
    };
    assert_eq!((documents, finished), (3, false));
    assert_eq!(forget(&east), 7);
    verify(&east, &shop());
}

#[test]
fn pruning_goes_on_in_bounded_steps_and_keeps_what_is_young() {
    let east = open(
        &Arc::new(MemoryEngine::new()),
        StoreOptions {
            step_documents_max: 3,
            ..options("east")
        },
    );
    create_database(&east, "shop", &[]).unwrap();
    let prune = || match one(&east, Operation::Prune { database: shop() }).unwrap() {
        Outcome::Pruned { revisions, finished } => (revisions, finished),
        other => panic!("{other:?}"),
    };
    for n in 0..6 {
        put(&east, "a", update(&format!(r#"{{"n":{n}}}"#)));
    }
    assert_eq!(prune(), (0, true));
    pass(14 * 24 * 3600 + 1);
    let young = put(&east, "a", update(r#"{"n":6}"#)).revision;
    put(&east, "a", update(r#"{"n":7}"#));
    assert_eq!([prune(), prune(), prune()], [(3, false), (2, true), (0, true)]);
    assert!(east.base(&shop(), &id("a"), &young).unwrap().is_some());
}

#[test]
fn a_revision_from_before_a_forgotten_removal_is_no_base_any_more_so_that_no_write_brings_it_back_unnoticed() {
    let east = open(&Arc::new(MemoryEngine::new()), at_once("east", &[]));
    create_database(&east, "shop", &[]).unwrap();
    let before = put(&east, "a", create(r#"{"a":1,"b":1}"#)).revision;
    put(&east, "a", update(r#"{"a":1}"#));
    let stale = || write("a", update_from(&before, r#"{"a":1,"b":2}"#));
    pass(1);
    let conflict = one(&east, stale()).unwrap_err();
    assert!(matches!(conflict, CommitError::Refused(_)), "{conflict:?}");
    // In the very group that forgets, and in every later one.
    let mut results = east.commit(vec![Operation::Forget { database: shop() }, stale()]);
    let gone = results.pop().unwrap().unwrap_err();
    assert!(matches!(gone, CommitError::BaseCompacted { .. }), "{gone:?}");
    let gone = one(&east, stale()).unwrap_err();
    assert!(matches!(gone, CommitError::BaseCompacted { .. }), "{gone:?}");
    assert_eq!(shown(&east, "a").unwrap(), r#"{"a":1}"#);
    // It can be read and brought back all the same, and later revisions are bases.
    assert!(east.base(&shop(), &id("a"), &before).unwrap().is_some());
    let later = put(&east, "a", update(r#"{"a":2}"#)).revision;
    put(&east, "a", update(r#"{"a":2,"c":1}"#));
    put(&east, "a", update_from(&later, r#"{"a":3}"#));
    assert_eq!(shown(&east, "a").unwrap(), r#"{"a":3,"c":1}"#);
    verify(&east, &shop());
}

#[test]
fn a_revision_from_before_a_removal_that_a_peer_has_forgotten_is_no_base_any_more_either() {
    let (east, west) = linked(at_once("east", &["west"]), at_once("west", &["east"]));
    let before = put(&east, "a", create(r#"{"a":1,"b":1}"#)).revision;
    sync(&east, &west);
    put(&east, "a", update(r#"{"a":1}"#));
    sync(&east, &west);
    sync(&west, &east);
    pass(1);
    let stale = || write("a", update_from(&before, r#"{"a":1,"b":2}"#));
    let conflict = one(&west, stale()).unwrap_err();
    assert!(
        matches!(conflict, CommitError::Refused(_)),
        "west has the mark: {conflict:?}"
    );
    assert_eq!(forget(&east), 1);
    let between = put(&west, "a", update(r#"{"a":2}"#)).revision;
    put(&east, "a", update(r#"{"a":1,"c":1}"#));
    // With this state the mark goes at west as well, although west has forgotten nothing itself.
    sync(&east, &west);
    let gone = one(&west, stale()).unwrap_err();
    assert!(matches!(gone, CommitError::BaseCompacted { .. }), "{gone:?}");
    put(&west, "a", update_from(&between, r#"{"a":3}"#));
    assert_eq!(shown(&west, "a").unwrap(), r#"{"a":3,"c":1}"#);
    verify(&west, &shop());
}

#[test]
fn a_node_with_an_older_disk_bases_no_write_on_a_member_that_all_others_have_forgotten() {
    let east = open(&Arc::new(MemoryEngine::new()), at_once("east", &["west"]));
    let files = Arc::new(MemoryEngine::new());
    let west = open(&files, at_once("west", &["east"]));
    create_database(&east, "shop", &[]).unwrap();
    let before = put(&east, "a", create(r#"{"a":1,"b":1}"#)).revision;
    sync(&east, &west);
    sync(&west, &east);
    let backup = Arc::new(MemoryEngine::clone(&files));
    put(&east, "a", update(r#"{"a":1}"#));
    sync(&east, &west);
    sync(&west, &east);
    pass(1);
    assert_eq!(forget(&east), 1);
    drop(west);
    let restored = StoreOptions {
        restored: true,
        ..at_once("west", &["east"])
    };
    let west = open(&backup, restored);
    assert_eq!(shown(&west, "a").unwrap(), r#"{"a":1,"b":1}"#);
    // The removal arrives without a mark: the member is gone, and nothing says so.
    sync(&east, &west);
    assert_eq!(shown(&west, "a").unwrap(), r#"{"a":1}"#);
    let gone = one(&west, write("a", update_from(&before, r#"{"a":1,"b":2}"#))).unwrap_err();
    assert!(matches!(gone, CommitError::BaseCompacted { .. }), "{gone:?}");
    verify(&west, &shop());
}
