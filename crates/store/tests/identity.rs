//! Who writes: replica ids, restarts, restored and copied disks, clocks that are set back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::{DatabaseName, Sequence};
use rejoin_store::{Engine, Identity, MemoryEngine, OpenError, Operation, Outcome, Place, Store, StoreOptions};

fn renewed(before: &Identity, after: &Identity) -> bool {
    assert_eq!(
        before.replica == after.replica,
        before.incarnation == after.incarnation,
        "both or none"
    );
    before.replica != after.replica
}

#[test]
fn a_new_node_has_an_identity_that_it_introduces_and_is_behind_nobody() {
    let store = node("east");
    let identity = store.identity();
    assert_eq!(store.datacenter_of(identity.replica), Some("east".parse().unwrap()));
    assert_eq!(store.behind(), []);
    assert_ne!(identity, node("east").identity());
}

#[test]
fn identity_survives_restarts_after_a_crash_and_in_order() {
    let engine = Arc::new(MemoryEngine::new());
    let first = open(&engine, options("east"));
    let identity = first.identity();
    drop(first);
    pass(50);
    let crashed = open(&engine, options("east"));
    assert_eq!(crashed.identity(), identity, "an ordinary crash keeps the id");
    crashed.close().unwrap();
    pass(100_000);
    let closed = open(&engine, options("east"));
    assert_eq!(
        closed.identity(),
        identity,
        "after a shutdown in order it may rest as long as it likes"
    );
    assert_eq!(closed.behind(), []);
}

#[test]
fn times_strictly_increase_across_restarts_with_the_clock_set_back() {
    let engine = Arc::new(MemoryEngine::new());
    let mut last = None;
    for jump in [0, -3600, 5, -100_000, 0] {
        pass(jump);
        let store = open(&engine, options("east"));
        let _ = create_database(&store, "shop", &[]);
        for _ in 0..3 {
            let dot = put(&store, "a", update("{}")).dot;
            assert!(last.is_none_or(|last| dot.time > last), "after a jump of {jump} s");
            last = Some(dot.time);
        }
    }
}

#[test]
fn an_unclean_end_with_a_time_that_is_long_past_takes_a_new_identity() {
    let engine = Arc::new(MemoryEngine::new());
    let store = open(&engine, options("east"));
    let identity = store.identity();
    pass(3600);
    store.commit(Vec::new());
    drop(store);
    pass(59);
    let idle = open(&engine, options("east"));
    assert_eq!(idle.identity(), identity, "an idle node records that it is alive");
    drop(idle);
    pass(62);
    let stale = open(&engine, options("east"));
    assert!(renewed(&identity, &stale.identity()));
    assert_eq!(stale.behind(), ["south".parse().unwrap(), "west".parse().unwrap()]);
    assert_eq!(
        stale.datacenter_of(identity.replica),
        Some("east".parse().unwrap()),
        "the former one is still ours"
    );
    assert_eq!(
        stale.datacenter_of(stale.identity().replica),
        Some("east".parse().unwrap())
    );
}

#[test]
fn a_copied_or_restored_disk_takes_a_new_identity() {
    let engine = Arc::new(MemoryEngine::new());
    let place = |host: &str, path: &str| Place {
        host: host.into(),
        path: path.into(),
        inode: 7,
        boot: String::new(),
    };
    let at = |place: Place| StoreOptions {
        place,
        ..options("east")
    };
    let identity = open(&engine, at(place("one", "/data"))).identity();
    let copy = |options: StoreOptions| open(&Arc::new(MemoryEngine::clone(&engine)), options).identity();
    assert!(!renewed(&identity, &copy(at(place("one", "/data")))));
    assert!(renewed(&identity, &copy(at(place("two", "/data")))));
    assert!(renewed(&identity, &copy(at(place("one", "/copy")))));
    let put_back = Place {
        inode: 8,
        ..place("one", "/data")
    };
    assert!(renewed(&identity, &copy(at(put_back))));
    assert!(renewed(
        &identity,
        &copy(StoreOptions {
            restored: true,
            ..at(place("one", "/data"))
        })
    ));
}

#[test]
fn a_copy_of_a_running_machine_takes_a_new_identity_and_a_machine_that_was_shut_down_keeps_it() {
    let engine = Arc::new(MemoryEngine::new());
    let on = |boot: &str| StoreOptions {
        place: Place {
            host: "one".into(),
            path: "/data".into(),
            inode: 7,
            boot: boot.into(),
        },
        ..options("east")
    };
    let open_copy = |boot: &str| open(&Arc::new(MemoryEngine::clone(&engine)), on(boot)).identity();
    let running = open(&engine, on("first"));
    let identity = running.identity();
    assert!(!renewed(&identity, &open_copy("first")), "the process alone ended");
    assert!(
        !renewed(&identity, &open_copy("")),
        "nothing tells the starts apart here"
    );
    assert!(renewed(&identity, &open_copy("second")));
    running.close().unwrap();
    drop(running);
    assert!(!renewed(&identity, &open_copy("second")), "it was shut down in order");
    assert!(!renewed(&identity, &open(&engine, on("second")).identity()));
    assert!(
        renewed(&identity, &open_copy("third")),
        "the second run has not ended in order"
    );
}

#[test]
fn being_behind_survives_a_restart_and_ends_peer_by_peer() {
    let engine = Arc::new(MemoryEngine::new());
    drop(open(&engine, options("east")));
    let store = open(
        &engine,
        StoreOptions {
            restored: true,
            ..options("east")
        },
    );
    one(
        &store,
        Operation::CaughtUp {
            peer: "west".parse().unwrap(),
        },
    )
    .unwrap();
    drop(store);
    let store = open(&engine, options("east"));
    assert_eq!(store.behind(), ["south".parse().unwrap()]);
    one(
        &store,
        Operation::CaughtUp {
            peer: "south".parse().unwrap(),
        },
    )
    .unwrap();
    assert_eq!(open(&engine, options("east")).behind(), []);
}

/// East writes, makes a backup, writes more, west gets all of it, and east falls back to the backup.
fn fallen_back(restored: bool) -> (Store, Store) {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "shop", &[]).unwrap();
    put(&east, "a", create(r#"{"x":1,"y":1}"#));
    let west = open(&Arc::new(MemoryEngine::new()), options("west"));
    sync(&east, &west);
    sync(&west, &east);
    let backup = Arc::new(MemoryEngine::clone(&engine));
    put(&east, "lost", create("{}"));
    sync(&east, &west);
    drop(east);
    (
        open(
            &backup,
            StoreOptions {
                restored,
                ..options("east")
            },
        ),
        west,
    )
}

#[test]
fn a_restored_node_gets_its_lost_writes_back_and_loses_none_of_its_new_ones() {
    let (east, west) = fallen_back(true);
    put(&east, "new", create("{}"));
    sync(&east, &west);
    sync(&west, &east);
    for node in [&east, &west] {
        assert!(shown(node, "lost").is_some() && shown(node, "new").is_some());
        verify(node, &shop());
    }
    assert_eq!(east.root_digest(), west.root_digest());
}

#[test]
fn a_node_that_is_behind_brings_nothing_back_that_others_have_changed_since() {
    let (east, west) = fallen_back(true);
    let removed = put(&west, "a", update(r#"{"x":1}"#));
    assert_eq!(removed.previous.unwrap().body.to_json(), r#"{"x":1,"y":1}"#);
    let dot = put(&east, "a", update(r#"{"x":2,"y":1}"#)).dot;
    assert!(dot.replica != west.digest(&shop()).unwrap().0.iter().next().unwrap().0);
    pull(&east, &west, &shop());
    assert_eq!(
        shown(&west, "a").unwrap(),
        r#"{"x":2}"#,
        "east's client has not touched y, so its removal stands"
    );
    let conflicts = west.conflicts(&shop(), &rejoin_store::ConflictFilter::default(), None, 10);
    assert_eq!(conflicts.unwrap().items, []);
}

#[test]
fn a_lost_write_is_noticed_although_the_node_has_written_later_ones_since() {
    let (east, west) = fallen_back(false);
    let former = east.identity();
    pass(5);
    let unaware = put(&east, "new", create("{}"));
    assert_eq!(unaware.dot.replica, former.replica, "nobody has told it");
    pass(5);
    put(&east, "newer", create("{}"));
    let late = scan(&west, &east, &shop());
    assert_eq!(late.items, [], "west leaves out what east claims to have");
    let outcome = one(&east, apply_of(&west, &east, &shop(), late)).unwrap();
    assert!(matches!(outcome, Outcome::Dropped { position: None }), "{outcome:?}");
    let identity = east.identity();
    assert!(renewed(&former, &identity));
    assert_eq!(east.behind().len(), 2);
    assert!(
        east.hello(&"west".parse().unwrap())
            .iter()
            .all(|hello| hello.position.is_none())
    );
    sync(&west, &east);
    assert!(
        shown(&east, "lost").is_some(),
        "its claim was taken back, so the lost write came"
    );
    sync(&east, &west);
    assert!(shown(&west, "new").is_some());
    assert_eq!(east.root_digest(), west.root_digest());
    assert!(put(&east, "a", update("{}")).dot.replica == identity.replica);
}

#[test]
fn a_node_that_lost_nothing_keeps_its_identity_whatever_its_peers_know_of_it() {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "shop", &[]).unwrap();
    let identity = east.identity();
    let (west, south) = (
        open(&Arc::new(MemoryEngine::new()), options("west")),
        open(&Arc::new(MemoryEngine::new()), options("south")),
    );
    put(&east, "a", create("{}"));
    sync(&east, &south);
    put(&east, "b", create("{}"));
    sync(&east, &west);
    east.close().unwrap();
    drop(east);
    pass(7);
    let east = open(&engine, options("east"));
    put(&east, "c", create("{}"));
    for peer in [&south, &west] {
        sync(peer, &east);
        sync(&east, peer);
        sync(peer, &east);
    }
    assert_eq!(east.identity(), identity);
}

#[test]
fn a_batch_that_was_asked_for_under_a_former_identity_moves_nothing() {
    let (east, west) = fallen_back(false);
    pass(5);
    put(&east, "new", create("{}"));
    // Everything from the start, less what the former identity claimed to have.
    let hello = east.hello(&"west".parse().unwrap());
    let claimed = hello.into_iter().find(|hello| hello.name == shop()).unwrap().knowledge;
    let batch = west.scan(&shop(), Sequence(0), &claimed, usize::MAX).unwrap();
    let asked = apply_of(&west, &east, &shop(), batch);
    east.assume_new_identity("west knows more of it").unwrap();
    let outcome = one(&east, asked).unwrap();
    assert!(matches!(outcome, Outcome::Dropped { .. }), "{outcome:?}");
    sync(&west, &east);
    assert!(
        shown(&east, "lost").is_some(),
        "the claim of the former identity was believed"
    );
}

#[test]
fn two_links_that_find_the_same_loss_give_one_new_identity() {
    let (east, _) = fallen_back(false);
    let found = || Operation::AssumeNewIdentity {
        disowned: east.identity().replica,
        reason: "a peer knows more".into(),
    };
    let (first, second) = (found(), found());
    one(&east, first).unwrap();
    let identity = east.identity();
    one(&east, second).unwrap();
    assert_eq!(east.identity(), identity);
}

#[test]
fn a_disk_of_another_datacenter_is_refused_and_left_as_it_is() {
    let engine = Arc::new(MemoryEngine::new());
    let identity = open(&engine, options("east")).identity();
    let error = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, options("west"))
        .err()
        .unwrap();
    assert!(
        matches!(&error, OpenError::OtherDatacenter { found, .. } if found == "east"),
        "{error}"
    );
    assert!(error.to_string().contains("--datacenter east"), "{error}");
    assert_eq!(open(&engine, options("east")).identity(), identity);
}

#[test]
fn a_batch_that_shows_a_lost_write_of_this_replica_makes_it_take_a_new_identity_and_read_the_log_again() {
    let (east, west) = fallen_back(false);
    let former = east.identity();
    let outcome = one(&east, apply_of(&west, &east, &shop(), scan(&west, &east, &shop()))).unwrap();
    assert!(matches!(outcome, Outcome::Dropped { position: None }), "{outcome:?}");
    assert!(renewed(&former, &east.identity()));
    sync(&west, &east);
    put(&east, "new", create("{}"));
    sync(&east, &west);
    assert!(shown(&east, "lost").is_some() && shown(&west, "new").is_some());
    assert_eq!(east.root_digest(), west.root_digest());
}

#[test]
fn a_new_identity_survives_a_restart_and_is_introduced_to_the_peers() {
    let (east, west) = fallen_back(true);
    let identity = east.identity();
    pull(&east, &west, &DatabaseName::system());
    assert_eq!(west.datacenter_of(identity.replica), Some("east".parse().unwrap()));
}
