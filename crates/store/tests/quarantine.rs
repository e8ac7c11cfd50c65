//! States that cannot be applied, and clocks that run ahead: data are never lost, and nothing stops.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::*;
use rejoin_document::{
    DatabaseName, Granularity, HlcTime, Incarnation, Position, Revision, Rule, Sequence, VersionVector,
};
use rejoin_store::{
    Apply, CommitError, Conditions, Item, MemoryEngine, OnStale, Operation, Outcome, Progress, Store, StoreOptions,
    TIME_MAX, Watermark,
};
use uhlc::NTP64;

fn quarantine_of(reason: &str, store: &Store) {
    let states = store.quarantined(&shop(), 10).unwrap();
    assert_eq!(states.len(), 1);
    assert!(states[0].reason.contains(reason), "{}", states[0].reason);
    assert_eq!(store.status()[0].quarantined, 1);
}

#[test]
fn a_state_that_cannot_be_read_goes_to_quarantine_and_is_forwarded_as_it_came() {
    let (east, west) = pair();
    put(&east, "good", create("{}"));
    let mut batch = scan(&east, &west, &shop());
    let odd = Bytes::from_static(b"\xffof a later version");
    batch.items.insert(
        0,
        Item {
            id: id("odd"),
            state: odd.clone(),
            joined: false,
        },
    );
    let result = applied(one(&west, apply_of(&east, &west, &shop(), batch)).unwrap());
    assert_eq!(
        (result.quarantined, result.fast_forwarded),
        (1, 1),
        "the stream goes on"
    );
    quarantine_of("cannot be read", &west);
    assert_eq!(shown(&west, "odd"), None);
    let south = open(&Arc::new(MemoryEngine::new()), options("south"));
    pull(&west, &south, &DatabaseName::system());
    let relayed = scan(&west, &south, &shop());
    assert!(relayed.items.contains(&Item {
        id: id("odd"),
        state: odd.clone(),
        joined: false,
    }));
    applied(one(&south, apply_of(&west, &south, &shop(), relayed)).unwrap());
    quarantine_of("cannot be read", &south);
    assert_eq!(
        repair(
            &east,
            &west,
            vec![Item {
                id: id("odd"),
                state: odd,
                joined: false,
            }]
        )
        .quarantined,
        1
    );
    quarantine_of("cannot be read", &west);
    verify(&west, &shop());
}

#[test]
fn a_state_of_another_granularity_or_size_goes_to_quarantine() {
    let east = open(&Arc::new(MemoryEngine::new()), options("east"));
    one(
        &east,
        Operation::CreateDatabase(definition("shop", Granularity::Document, &[])),
    )
    .unwrap();
    put(&east, "a", create("{}"));
    let west = node("west");
    assert_eq!(
        repair(&east, &west, east.states(&shop(), &[id("a")]).unwrap()).quarantined,
        1
    );
    quarantine_of("granularity document", &west);

    let narrow = open(
        &Arc::new(MemoryEngine::new()),
        StoreOptions {
            state_bytes_max: 10,
            ..options("south")
        },
    );
    create_database(&narrow, "shop", &[]).unwrap();
    put(&west, "b", create(r#"{"text":"long enough"}"#));
    assert_eq!(
        repair(&west, &narrow, west.states(&shop(), &[id("b")]).unwrap()).quarantined,
        1
    );
    quarantine_of("more than 10", &narrow);
}

#[test]
fn of_one_documents_quarantined_states_the_newest_are_kept() {
    let west = open(
        &Arc::new(MemoryEngine::new()),
        StoreOptions {
            quarantined_states_max: 3,
            ..options("west")
        },
    );
    create_database(&west, "shop", &[]).unwrap();
    let peer = node("east");
    for n in 0..5u8 {
        repair(
            &peer,
            &west,
            vec![Item {
                id: id("odd"),
                state: vec![255, n].into(),
                joined: false,
            }],
        );
    }
    let mut kept: Vec<u8> = west
        .quarantined(&shop(), 10)
        .unwrap()
        .iter()
        .map(|state| state.state[1])
        .collect();
    kept.sort_unstable();
    assert_eq!((kept, west.status()[0].quarantined), (vec![2, 3, 4], 3));
    assert_eq!(
        west.scan(&shop(), Sequence(0), &VersionVector::new(), usize::MAX)
            .unwrap()
            .items
            .len(),
        3
    );
}

fn far_future() -> NTP64 {
    NTP64(TIME_MAX.0 - (1000 << 32))
}

fn ahead() -> NTP64 {
    NTP64(now().as_u64() + (10 << 32))
}

fn slightly_ahead() -> NTP64 {
    NTP64(now().as_u64() + (1 << 30))
}

fn peer_with(clock: fn() -> NTP64) -> Store {
    let peer = open(
        &Arc::new(MemoryEngine::new()),
        StoreOptions {
            clock,
            ..options("east")
        },
    );
    create_database(&peer, "shop", &[]).unwrap();
    put(&peer, "a", create("{}"));
    peer
}

#[test]
fn a_peers_time_moves_the_clock_only_within_the_drift_bound_and_its_data_are_taken_all_the_same() {
    for (clock, moved) in [
        (slightly_ahead as fn() -> NTP64, true),
        (ahead, false),
        (far_future, false),
    ] {
        let (peer, west) = (peer_with(clock), node("west"));
        let result = repair(&peer, &west, peer.states(&shop(), &[id("a")]).unwrap());
        assert_eq!((result.fast_forwarded, result.quarantined), (1, 0));
        assert_eq!(west.drifted() > 0, !moved);
        let next = put(&west, "b", create("{}")).dot.time;
        assert_eq!(next > HlcTime(now().as_u64() + (1 << 29)), moved);
        assert!(next < HlcTime(now().as_u64() + (1 << 31)));
    }
}

#[test]
fn a_time_at_the_end_of_the_range_is_set_aside_and_never_becomes_knowledge() {
    let (east, west) = pair();
    let mut watermark = Watermark::default();
    let hostile = rejoin_document::ReplicaId([9; 8]);
    let vector: VersionVector = [(hostile, HlcTime(u64::MAX)), (east.identity().replica, HlcTime(5))]
        .into_iter()
        .collect();
    watermark.knowledge = vector.clone();
    watermark.matrix.advance(&"south".parse().unwrap(), &vector);
    let here = Position {
        incarnation: Incarnation(1),
        sequence: Sequence(0),
    };
    let progress = Some(Progress {
        greeted: west.identity().replica,
        from: here,
        to: here,
        watermark: Some(watermark),
    });
    let peer = "south".parse().unwrap();
    applied(
        one(
            &west,
            Operation::Apply(Apply {
                peer,
                database: shop(),
                items: Vec::new(),
                progress,
            }),
        )
        .unwrap(),
    );
    assert_eq!(west.digest(&shop()).unwrap().0.get(hostile), HlcTime::ZERO);
    assert!(put(&west, "a", create("{}")).dot.time < TIME_MAX);
}

/// West with a document of east set aside because it has more than 10 bytes, and its disk.
fn set_aside() -> (Store, Store, Arc<MemoryEngine>) {
    let (east, engine) = (node("east"), Arc::new(MemoryEngine::new()));
    let narrow = StoreOptions {
        state_bytes_max: 10,
        ..options("west")
    };
    let west = open(&engine, narrow);
    create_database(&west, "shop", &[("/stock", Rule::Counter), ("/tags", Rule::Set)]).unwrap();
    put(&east, "a", create(r#"{"text":"long enough"}"#));
    put(&east, "b", create(r#"{"text":"long enough too"}"#));
    repair(&east, &west, east.states(&shop(), &[id("a"), id("b")]).unwrap());
    assert_eq!(west.status()[0].quarantined, 2);
    (east, west, engine)
}

fn retry(store: &Store) -> (u64, bool) {
    match one(store, Operation::Retry { database: shop() }).unwrap() {
        Outcome::Retried { released, finished } => (released, finished),
        other => panic!("not tried again: {other:?}"),
    }
}

#[test]
fn a_state_that_can_be_joined_after_an_upgrade_is_and_goes_on_to_others() {
    let (east, west, engine) = set_aside();
    assert_eq!(retry(&west), (0, true), "it is still too large");
    drop(west);
    let wide = StoreOptions {
        step_documents_max: 1,
        ..options("west")
    };
    let west = open(&engine, wide);
    assert_eq!((retry(&west), retry(&west)), ((1, false), (1, true)));
    assert_eq!(shown(&west, "a"), shown(&east, "a"));
    assert_eq!(west.status()[0].quarantined, 0);
    assert_eq!(west.quarantined(&shop(), 10).unwrap(), []);
    let south = open(&Arc::new(MemoryEngine::new()), options("south"));
    sync(&west, &south);
    assert_eq!(shown(&south, "b"), shown(&east, "b"));
    verify(&west, &shop());
}

#[test]
fn a_state_whose_writes_came_in_another_one_is_released_although_it_cannot_be_read() {
    let (east, west, engine) = set_aside();
    drop(west);
    let west = open(&engine, options("west"));
    repair(&east, &west, east.states(&shop(), &[id("a")]).unwrap());
    drop(west);
    let narrow = StoreOptions {
        state_bytes_max: 10,
        ..options("west")
    };
    let west = open(&engine, narrow);
    assert_eq!(retry(&west), (1, true));
    let left = west.quarantined(&shop(), 10).unwrap();
    assert_eq!(left.iter().map(|state| state.id.as_str()).collect::<Vec<_>>(), ["b"]);
    verify(&west, &shop());
}

/// Another branch of `a`.
fn branch(base: &Revision, n: usize) -> Wish {
    let (action, conditions) = update(&format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(500)));
    let conditions = Conditions {
        base: Some(base.clone()),
        on_stale: OnStale::Keep,
        ..conditions
    };
    (action, conditions)
}

#[test]
fn a_document_does_not_grow_beyond_what_travels_and_can_always_be_made_smaller() {
    let small = |name: &str| {
        let bounded = StoreOptions {
            document_bytes_max: 5_000,
            ..options(name)
        };
        open(&Arc::new(MemoryEngine::new()), bounded)
    };
    let (east, west) = (small("east"), small("west"));
    let trees = definition("shop", Granularity::Document, &[]);
    one(&east, Operation::CreateDatabase(trees)).unwrap();
    let base = put(&east, "a", create("{}")).revision;
    sync(&east, &west);
    // Each side fills its own up to the bound: what is acknowledged is joined all the same, and may only shrink from then on.
    for (store, from) in [(&east, 0), (&west, 100)] {
        let mut branches = (from..from + 100).map(|n| try_put(store, "a", branch(&base, n)));
        let fitted = branches.by_ref().take_while(Result::is_ok).count();
        assert!((2..100).contains(&fitted), "{fitted}");
        let (digest, refused) = (store.root_digest(), branches.next().unwrap());
        assert!(
            matches!(refused, Err(CommitError::DocumentTooLarge { bytes_max: 5_000, bytes, .. }) if bytes > 5_000),
            "{refused:?}"
        );
        assert_eq!(store.root_digest(), digest, "what is refused leaves nothing");
    }
    sync(&east, &west);
    sync(&west, &east);
    assert_eq!(east.root_digest(), west.root_digest());
    assert!(east.states(&shop(), &[id("a")]).unwrap()[0].state.len() > 5_000);
    assert!(try_put(&east, "a", branch(&base, 300)).is_err());
    put(&east, "a", update("{}"));
    // Branch by branch, although a tombstone takes a few bytes more than the empty body that it closes.
    while shown(&east, "a").is_some() {
        put(&east, "a", delete());
    }
    verify(&east, &shop());
}

#[test]
fn a_document_too_large_to_travel_can_only_be_deleted_until_it_travels_again() {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "shop", &[]).unwrap();
    let large = put(&east, "a", create(&format!(r#"{{"text":"{}"}}"#, "x".repeat(3_000)))).revision;
    drop(east);
    let bounded = StoreOptions {
        document_bytes_max: 500,
        state_bytes_max: 1_000,
        ..options("east")
    };
    let east = open(&engine, bounded);
    let shrunk = |bytes: usize| try_put(&east, "a", update(&format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes))));
    assert!(
        matches!(shrunk(2_000), Err(CommitError::DocumentTooLarge { .. })),
        "no peer would hold what this acknowledges"
    );
    assert_eq!(east.get(&shop(), &id("a")).unwrap().unwrap().shown.revision, large);
    shrunk(700).unwrap();
    put(&east, "a", delete());
    verify(&east, &shop());
}

#[test]
fn a_state_that_is_too_large_to_travel_holds_up_nothing_behind_it_and_arrives_when_it_has_shrunk() {
    let east = open(
        &Arc::new(MemoryEngine::new()),
        StoreOptions {
            state_bytes_max: 1_000,
            ..options("east")
        },
    );
    create_database(&east, "shop", &[]).unwrap();
    let west = node("west");
    put(
        &east,
        "large",
        create(&format!(r#"{{"text":"{}"}}"#, "x".repeat(2_000))),
    );
    put(&east, "behind", create("{}"));
    let sent = scan(&east, &west, &shop());
    assert!(
        sent.items.iter().all(|item| item.state.len() <= 1_000),
        "only its head goes"
    );
    applied(one(&west, apply_of(&east, &west, &shop(), sent)).unwrap());
    assert_eq!((shown(&west, "large"), shown(&west, "behind").is_some()), (None, true));
    quarantine_of("cannot be read", &west);
    sync(&west, &east);
    assert_eq!(
        east.status()[0].quarantined,
        0,
        "where all of it is, its head says nothing new"
    );
    let read = east.states(&shop(), &[id("large")]).unwrap();
    assert!(read[0].state.len() <= 1_000, "nor for a repair");
    put(&east, "large", update("{}"));
    pull(&east, &west, &shop());
    assert_eq!(shown(&west, "large"), shown(&east, "large"));
    one(&west, Operation::Retry { database: shop() }).unwrap();
    assert_eq!(west.quarantined(&shop(), 10).unwrap(), [], "its head is in what came");
    verify(&west, &shop());
}

#[test]
fn operators_see_page_by_page_since_when_and_from_where_what_was_set_aside_came() {
    let (_, west, _) = set_aside();
    let first = west.quarantine(&shop(), None, 1).unwrap();
    assert_eq!(first.len(), 1);
    let entry = &first[0];
    assert_eq!((entry.id.clone(), entry.peer.as_deref()), (id("a"), Some("east")));
    assert!(entry.reason.contains("more than 10"), "{}", entry.reason);
    assert!(entry.since.is_some_and(|since| since.0 >= now().as_u64()), "{entry:?}");
    let states = west.quarantined(&shop(), 10).unwrap();
    assert_eq!(entry.bytes, states[0].state.len() as u64);
    let rest = west.quarantine(&shop(), Some((&entry.id, entry.hash)), 10).unwrap();
    assert_eq!(rest.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>(), [id("b")]);
    let end = west.quarantine(&shop(), Some((&rest[0].id, rest[0].hash)), 10).unwrap();
    assert_eq!(end, []);
}
