//! What a node has of what sessions have seen, and what it says of logs that it has read in part.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::{DatabaseName, DatacenterName, HlcTime, Position, Sequence, VersionVector};
use rejoin_store::{Lacking, ListRange, MemoryEngine, Scan, Seen, Store, StoreOptions};

fn west() -> DatacenterName {
    "west".parse().unwrap()
}

fn context(store: &Store, document: &str) -> VersionVector {
    store.get(&shop(), &id(document)).unwrap().unwrap().context
}

/// What a session has seen that read a document at this node just now.
fn seen_at(store: &Store, document: &str) -> Seen {
    Seen {
        writes: context(store, document),
        had_at: Some(store.position(&shop())),
        shortened: false,
    }
}

/// One document of what `from` has and `to` has not, without an end.
fn part(from: &Store, to: &Store) -> Scan {
    let whole = scan(from, to, &shop());
    let part = from
        .scan(&shop(), whole.from.sequence, &VersionVector::new(), 1)
        .unwrap();
    assert!(part.watermark.is_none(), "more is to come");
    part
}

fn apply(from: &Store, to: &Store, scan: Scan) {
    applied(one(to, apply_of(from, to, &shop(), scan)).unwrap());
}

/// East on an engine of its own, and west with two documents that east has not.
fn half_read() -> (Arc<MemoryEngine>, Store, Store) {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "shop", &[]).unwrap();
    let west = open(&Arc::new(MemoryEngine::new()), options("west"));
    sync(&east, &west);
    sync(&west, &east);
    put(&west, "a", create(r#"{"v":1}"#));
    put(&west, "b", create(r#"{"v":1}"#));
    apply(&west, &east, part(&west, &east));
    (engine, east, west)
}

#[test]
fn a_log_that_was_read_in_part_is_told_of_until_the_rest_has_come_also_after_a_restart() {
    let (engine, east, from) = half_read();
    assert_eq!(east.catching_up_from(&shop()), [west()]);
    assert_eq!(east.status()[0].catching_up_from, [west()]);
    drop(east);
    let east = open(&engine, options("east"));
    assert_eq!(east.catching_up_from(&shop()), [west()]);
    pull(&from, &east, &shop());
    assert_eq!(east.catching_up_from(&shop()), []);
    drop(east);
    assert_eq!(open(&engine, options("east")).catching_up_from(&shop()), []);
}

#[test]
fn what_a_peer_passes_on_of_a_log_that_it_has_read_in_part_is_told_of_until_the_rest_has_come_also_after_a_restart() {
    let (_, east, from) = half_read();
    let engine = Arc::new(MemoryEngine::new());
    let south = open(&engine, options("south"));
    sync(&east, &south);
    let scan = scan(&east, &south, &shop());
    assert!(
        scan.items.is_empty() && scan.watermark.is_some(),
        "south has read east's log to its end: {scan:?}"
    );
    assert_eq!(
        south.list(&shop(), &ListRange::default(), None, 9).unwrap().items.len(),
        1
    );
    let passed_on: Vec<DatacenterName> = vec!["east".parse().unwrap()];
    assert_eq!(south.catching_up_from(&shop()), passed_on);
    drop(south);
    let south = open(&engine, options("south"));
    assert_eq!(south.catching_up_from(&shop()), passed_on);
    pull(&from, &east, &shop());
    assert_eq!(
        south.catching_up_from(&shop()),
        passed_on,
        "east has the rest, and south not yet"
    );
    pull(&east, &south, &shop());
    assert_eq!(
        south.list(&shop(), &ListRange::default(), None, 9).unwrap().items.len(),
        2
    );
    assert_eq!(south.catching_up_from(&shop()), []);
    drop(south);
    assert_eq!(open(&engine, options("south")).catching_up_from(&shop()), []);
}

#[test]
fn what_a_node_has_shown_it_has_before_its_knowledge_says_so_and_another_node_waits_for_it() {
    let (engine, east, from) = half_read();
    let seen = seen_at(&east, "a");
    let elsewhere = Seen {
        had_at: None,
        ..seen.clone()
    };
    assert!(east.has_seen(&shop(), &seen));
    assert!(!east.has_seen(&shop(), &elsewhere), "its knowledge does not say so");
    drop(east);
    let east = open(&engine, options("east"));
    assert!(east.has_seen(&shop(), &seen), "the same disk");
    assert!(from.has_seen(&shop(), &seen), "it is west's own write");
    let south = node("south");
    assert!(!south.has_seen(&shop(), &seen));
    let lacking = south.lacking(&shop(), &seen);
    assert_eq!(lacking.replicas, [from.identity().replica]);
    sync(&from, &south);
    assert!(south.has_seen(&shop(), &seen));
    assert_eq!(south.lacking(&shop(), &seen), Lacking::default());
}

#[test]
fn a_disk_that_was_put_back_does_not_pass_for_the_one_that_showed_more() {
    let (engine, east, _) = half_read();
    let seen = seen_at(&east, "a");
    put(&east, "c", create("{}"));
    let newer = seen_at(&east, "c");
    let beyond = |seen: &Seen| Seen {
        had_at: seen.had_at.map(|at| Position {
            sequence: Sequence(at.sequence.0 + 1),
            ..at
        }),
        ..seen.clone()
    };
    assert!(east.has_seen(&shop(), &seen) && east.has_seen(&shop(), &newer));
    assert!(
        !east.has_seen(
            &shop(),
            &beyond(&Seen {
                had_at: newer.had_at,
                ..seen.clone()
            })
        ),
        "its log was longer"
    );
    let own = east.identity().replica;
    let mut lost_own = seen.clone();
    lost_own.writes = [(own, HlcTime(u64::MAX >> 1))].into_iter().collect();
    assert!(!east.has_seen(&shop(), &lost_own), "it lacks a write of its own");
    drop(east);
    let restored = StoreOptions {
        restored: true,
        ..options("east")
    };
    let east = open(&engine, restored);
    assert!(!east.has_seen(&shop(), &seen), "it goes on with another log");
}

#[test]
fn of_a_database_that_is_not_there_a_node_has_only_nothing() {
    let east = node("east");
    let unknown: DatabaseName = "unknown".parse().unwrap();
    assert!(east.has_seen(&unknown, &Seen::default()));
    put(&east, "a", create("{}"));
    assert!(!east.has_seen(&unknown, &seen_at(&east, "a")));
}

#[test]
fn what_was_left_out_of_a_session_wants_the_log_of_every_peer_read_to_its_end() {
    let (_, east, from) = half_read();
    let shortened = Seen {
        shortened: true,
        ..Seen::default()
    };
    let unread = |store: &Store| store.lacking(&shop(), &shortened).unread;
    assert!(!east.has_seen(&shop(), &shortened));
    assert_eq!(unread(&east), ["south".parse().unwrap(), west()]);
    pull(&from, &east, &shop());
    assert_eq!(unread(&east), ["south".parse().unwrap()]);
    sync(&node("south"), &east);
    assert!(east.has_seen(&shop(), &shortened));
}

#[test]
fn who_waits_is_woken_by_what_comes_from_others_and_not_by_each_write_of_the_node() {
    let (_, east, from) = half_read();
    let mut learned = east.learned();
    put(&east, "c", create("{}"));
    put(&east, "c", update(r#"{"v":2}"#));
    assert!(!learned.has_news());
    pull(&from, &east, &shop());
    assert!(learned.has_news());
    learned.look();
    create_database(&east, "another", &[]).unwrap();
    assert!(learned.has_news(), "a session may wait for the database");
}

#[test]
fn a_restored_datacenters_former_replica_is_known_to_be_replaced() {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "shop", &[]).unwrap();
    let former = east.identity().replica;
    let watcher = node("south");
    sync(&east, &watcher);
    assert_eq!(watcher.replaced(former).unwrap(), None);
    drop(east);
    pass(10);
    let restored = StoreOptions {
        restored: true,
        ..options("east")
    };
    let east = open(&engine, restored);
    sync(&east, &watcher);
    for store in [&east, &watcher] {
        let since = store.replaced(former).unwrap().expect("it is replaced");
        assert!(since.0 <= now().0 && since.0 > now().0 - (5 << 32), "{since:?}");
        assert_eq!(store.replaced(east.identity().replica).unwrap(), None, "the newest one");
    }
    assert_eq!(
        watcher.replaced(rejoin_document::ReplicaId([9; 8])).unwrap(),
        None,
        "nobody's"
    );
}

#[test]
fn members_are_the_configured_datacenters_and_those_that_others_know() {
    let east = node("east");
    let north = node("north");
    let names = |store: &Store| store.members().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&east), ["east", "south", "west"]);
    sync(&north, &east);
    assert_eq!(names(&east), ["east", "north", "south", "west"]);
    let dot = put(&east, "a", create("{}")).dot;
    let north_name = north.identity().datacenter;
    assert!(!east.is_known_by(&shop(), &north_name, dot));
    sync(&east, &north);
    sync(&north, &east);
    assert!(east.is_known_by(&shop(), &north_name, dot));
}
