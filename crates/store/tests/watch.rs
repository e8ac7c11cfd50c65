//! Consumers of changes: they go on at the same node or at another one, and nothing is left out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use proptest::prelude::*;
use rejoin_document::{Document, DocumentId, VersionVector, WatchToken, WatchTokenError};
use rejoin_store::{MemoryEngine, Operation, Outcome, ReadError, Store, StoreOptions, WatchFilter};

/// One that stores what it is given, the last counts, and carries its token as bytes.
#[derive(Debug, Clone, Default)]
struct Consumer {
    token: Option<Vec<u8>>,
    held: BTreeMap<DocumentId, (String, VersionVector)>,
    received: Vec<String>,
}

fn context(store: &Store, document: &DocumentId) -> VersionVector {
    let item = store.states(&shop(), std::slice::from_ref(document)).unwrap().remove(0);
    Document::decode_context(&item.state).unwrap()
}

impl Consumer {
    /// Reads up to `changes` changes and stops there, as one does whose connection is lost; whether it reached the end.
    fn read(&mut self, store: &Store, changes: usize) -> bool {
        let mut left = changes;
        loop {
            let token = match &self.token {
                Some(bytes) => WatchToken::decode(bytes).unwrap(),
                None => store.watch_from_start(&shop()).unwrap(),
            };
            let watched = store.watch(&shop(), &token, &WatchFilter::default(), 3).unwrap();
            for (change, token) in watched.changes {
                if left == 0 {
                    return false;
                }
                left -= 1;
                self.received.push(change.id.to_string());
                let revision = change.revision.to_string();
                let context = context(store, &change.id);
                self.held.insert(change.id, (revision, context));
                self.token = Some(token.encode());
            }
            self.token = Some(watched.token.encode());
            if watched.finished {
                return true;
            }
        }
    }

    /// Reads to the end; what was given, in order.
    fn read_all(&mut self, store: &Store) -> Vec<String> {
        self.received.clear();
        assert!(self.read(store, usize::MAX));
        std::mem::take(&mut self.received)
    }

    /// Everything that the node has was given to this consumer, at least as it is there now.
    fn check(&self, store: &Store) {
        let everything = store.watch_from_start(&shop()).unwrap();
        let all = store
            .watch(&shop(), &everything, &WatchFilter::default(), 1000)
            .unwrap();
        assert!(all.finished);
        for (change, _) in all.changes {
            let (_, held) = self
                .held
                .get(&change.id)
                .unwrap_or_else(|| panic!("{} was left out", change.id));
            let there = context(store, &change.id);
            assert!(held.dominates(&there), "of {} an older state was given last", change.id);
        }
    }
}

#[test]
fn a_consumer_goes_on_after_the_change_whose_token_it_carries() {
    let store = node("east");
    for document in ["a", "b", "c", "d", "e"] {
        put(&store, document, create("{}"));
    }
    let mut consumer = Consumer::default();
    assert!(!consumer.read(&store, 2));
    assert_eq!(consumer.received, ["a", "b"]);
    put(&store, "a", update(r#"{"n":1}"#));
    put(&store, "d", update(r#"{"n":1}"#));
    assert_eq!(consumer.read_all(&store), ["c", "e", "a", "d"]);
    assert_eq!(consumer.read_all(&store), Vec::<String>::new());
    consumer.check(&store);
}

#[test]
fn a_consumer_that_moves_to_another_node_is_given_what_it_lacks_and_little_else() {
    let (east, west) = pair();
    for number in 0..20 {
        put(&east, &format!("e{number:02}"), create("{}"));
    }
    sync(&east, &west);
    sync(&west, &east);
    let mut consumer = Consumer::default();
    assert_eq!(consumer.read_all(&east).len(), 20);
    assert_eq!(consumer.read_all(&west), Vec::<String>::new(), "both have the same");

    put(&west, "w", create("{}"));
    put(&west, "e03", update(r#"{"west":1}"#));
    put(&east, "late", create("{}"));
    assert_eq!(consumer.read_all(&west), ["w", "e03"]);
    assert_eq!(consumer.read_all(&east), ["late"]);
    sync(&east, &west);
    sync(&west, &east);
    // The east did not have them when it was read: what the west gave before comes twice, the rest does not.
    assert_eq!(consumer.read_all(&west), ["w", "e03"]);
    assert_eq!(consumer.read_all(&east), Vec::<String>::new());
    consumer.check(&west);
}

#[test]
fn a_consumer_that_was_given_both_sides_apart_is_given_the_merge_wherever_it_goes() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"n":0}"#));
    sync(&east, &west);
    sync(&west, &east);
    put(&east, "a", update(r#"{"n":0,"east":1}"#));
    put(&west, "a", update(r#"{"n":0,"west":1}"#));
    let mut consumer = Consumer::default();
    consumer.read_all(&east);
    assert_eq!(consumer.read_all(&west), ["a"]);
    // It merges in the east, which both tokens claim to cover write by write.
    sync(&west, &east);
    assert_eq!(consumer.read_all(&east), ["a"]);
    consumer.check(&east);
}

#[test]
fn a_token_outlives_restarts_and_forgetting() {
    let engine = Arc::new(MemoryEngine::new());
    let quick = || StoreOptions {
        tombstone_retention: Duration::ZERO,
        keep_for: Duration::ZERO,
        peers: Vec::new(),
        ..options("east")
    };
    let store = open(&engine, quick());
    create_database(&store, "shop", &[]).unwrap();
    for document in ["a", "b", "c"] {
        put(&store, document, create(r#"{"n":1,"m":1}"#));
    }
    let mut consumer = Consumer::default();
    assert!(!consumer.read(&store, 1));
    put(&store, "b", delete());
    put(&store, "a", update(r#"{"n":1}"#));
    pass(5);
    let forgotten = one(&store, Operation::Forget { database: shop() }).unwrap();
    assert!(
        matches!(forgotten, Outcome::Forgotten { documents: 1.., .. }),
        "{forgotten:?}"
    );
    one(&store, Operation::Prune { database: shop() }).unwrap();
    drop(store);
    let store = open(&engine, quick());
    assert_eq!(consumer.read_all(&store), ["c", "b", "a"]);
    consumer.check(&store);
}

#[test]
fn a_token_from_before_a_new_identity_is_answered_from_the_whole_log_without_what_is_known() {
    let (east, west) = pair();
    for document in ["a", "b", "c"] {
        put(&east, document, create("{}"));
    }
    sync(&east, &west);
    let mut consumer = Consumer::default();
    consumer.read_all(&west);
    let before = west.identity();
    west.assume_new_identity("a test").unwrap();
    assert_ne!(before.incarnation, west.identity().incarnation);
    put(&west, "b", update(r#"{"n":1}"#));
    assert_eq!(consumer.read_all(&west), ["b"]);
    assert_eq!(consumer.read_all(&west), Vec::<String>::new());
    consumer.check(&west);
}

#[test]
fn a_token_from_a_newer_disk_than_the_one_that_was_put_back_leaves_nothing_out() {
    let engine = Arc::new(MemoryEngine::new());
    let store = open(&engine, options("east"));
    create_database(&store, "shop", &[]).unwrap();
    put(&store, "a", create("{}"));
    let copy = Arc::new(MemoryEngine::clone(&engine));
    for document in ["b", "c", "d"] {
        put(&store, document, create("{}"));
    }
    let mut consumer = Consumer::default();
    consumer.read_all(&store);
    let older = open(&copy, options("east"));
    assert_eq!(
        older.identity(),
        store.identity(),
        "nothing shows that the disk is older"
    );
    pass(1);
    put(&older, "other", create("{}"));
    assert!(consumer.read_all(&older).contains(&"other".to_owned()));
}

#[test]
fn a_consumer_of_what_changes_from_now_on_is_given_nothing_older() {
    let (east, west) = pair();
    put(&east, "old", create("{}"));
    sync(&east, &west);
    let mut consumer = Consumer {
        token: Some(east.watch_from_now(&shop()).unwrap().encode()),
        ..Consumer::default()
    };
    assert_eq!(consumer.read_all(&east), Vec::<String>::new());
    assert_eq!(consumer.read_all(&west), Vec::<String>::new(), "elsewhere neither");
    put(&west, "new", create("{}"));
    assert_eq!(consumer.read_all(&west), ["new"]);
}

#[test]
fn a_filter_lets_through_what_it_says_and_the_place_moves_on_all_the_same() {
    let store = node("east");
    for document in ["user/1", "order/1", "user/2", "order/2", "user/3"] {
        put(&store, document, create("{}"));
    }
    let start = store.watch_from_start(&shop()).unwrap();
    let ids = |filter: &WatchFilter| {
        let watched = store.watch(&shop(), &start, filter, 100).unwrap();
        let newest = store.watch(&shop(), &start, &WatchFilter::default(), 100).unwrap();
        assert!(watched.finished && watched.token == newest.token);
        let ids = watched.changes.into_iter().map(|(change, _)| change.id.to_string());
        ids.collect::<Vec<_>>()
    };
    let prefix = |prefix: &str| WatchFilter {
        prefix: prefix.to_owned(),
        ..WatchFilter::default()
    };
    assert_eq!(ids(&prefix("user/")), ["user/1", "user/2", "user/3"]);
    assert_eq!(ids(&prefix("x")), Vec::<String>::new());
    let some = WatchFilter {
        ids: [id("order/2"), id("user/3"), id("absent")].into(),
        ..prefix("")
    };
    assert_eq!(ids(&some), ["order/2", "user/3"]);
    assert_eq!(
        ids(&WatchFilter {
            prefix: "user/".to_owned(),
            ..some
        }),
        ["user/3"]
    );
}

#[test]
fn a_token_of_another_database_is_refused() {
    let store = node("east");
    create_database(&store, "other", &[]).unwrap();
    let token = store.watch_from_start(&"other".parse().unwrap()).unwrap();
    let error = store.watch(&shop(), &token, &WatchFilter::default(), 1).unwrap_err();
    assert!(
        matches!(error, ReadError::WatchToken(WatchTokenError::OtherDatabase)),
        "{error}"
    );
    assert!(error.to_string().contains("without a token"), "{error}");
    let nowhere = "nowhere".parse().unwrap();
    assert!(matches!(
        store.watch_from_now(&nowhere).unwrap_err(),
        ReadError::UnknownDatabase { .. }
    ));
    assert!(matches!(
        store.watch_from_start(&nowhere).unwrap_err(),
        ReadError::UnknownDatabase { .. }
    ));
}

/// What happens in a random history.
#[derive(Debug, Clone)]
enum Step {
    Write(usize, u8),
    Delete(usize, u8),
    Sync(usize, usize),
    /// Only some documents arrive, and no watermark: knowledge does not move.
    Part(usize, usize, u8),
    Renew(usize),
    Read(usize, usize),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..3, 0u8..6).prop_map(|(at, document)| Step::Write(at, document)),
        1 => (0usize..3, 0u8..6).prop_map(|(at, document)| Step::Delete(at, document)),
        4 => (0usize..3, 0usize..3).prop_map(|(from, to)| Step::Sync(from, to)),
        2 => (0usize..3, 0usize..3, 1u8..3).prop_map(|(from, to, items)| Step::Part(from, to, items)),
        1 => (0usize..3).prop_map(Step::Renew),
        6 => (0usize..3, prop_oneof![0usize..5, Just(usize::MAX)]).prop_map(|(at, changes)| Step::Read(at, changes)),
    ]
}

/// Sends the first items of a scan alone, as a link does that breaks.
fn send_part(from: &Store, to: &Store, items: usize) {
    let mut scan = scan(from, to, &shop());
    if scan.items.len() <= items {
        return;
    }
    scan.items.truncate(items);
    let last = scan.items.last().unwrap().id.clone();
    scan.to.sequence = from.get(&shop(), &last).unwrap().unwrap().sequence;
    scan.watermark = None;
    one(to, apply_of(from, to, &shop(), scan)).unwrap();
}

fn run(nodes: &[Store; 3], consumer: &mut Consumer, step: &Step, number: usize) {
    match *step {
        Step::Write(at, document) => {
            let json = format!(r#"{{"n{at}":{number}}}"#);
            put(&nodes[at], &format!("d{document}"), update(&json));
        }
        Step::Delete(at, document) => drop(try_put(&nodes[at], &format!("d{document}"), delete())),
        Step::Sync(from, to) if from != to => sync(&nodes[from], &nodes[to]),
        Step::Part(from, to, items) if from != to => send_part(&nodes[from], &nodes[to], usize::from(items)),
        Step::Sync(..) | Step::Part(..) => {}
        Step::Renew(at) => drop(nodes[at].assume_new_identity("a test").unwrap()),
        Step::Read(at, changes) => {
            if consumer.read(&nodes[at], changes) {
                consumer.check(&nodes[at]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whenever a consumer reaches the end of a node's log, it was given every document at least as it is there, whatever it read before and
    /// where; and once the nodes are equal, it holds what they show.
    #[test]
    fn a_consumer_that_wanders_between_nodes_misses_nothing(history in prop::collection::vec(steps(), 1..40), last in 0usize..3) {
        let nodes = [node("east"), open(&Arc::new(MemoryEngine::new()), options("west")), open(&Arc::new(MemoryEngine::new()), options("south"))];
        sync(&nodes[0], &nodes[1]);
        sync(&nodes[0], &nodes[2]);
        let mut consumer = Consumer::default();
        for (number, step) in history.iter().enumerate() {
            run(&nodes, &mut consumer, step, number);
        }
        for _ in 0..4 {
            for (from, to) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
                sync(&nodes[from], &nodes[to]);
            }
        }
        consumer.read_all(&nodes[last]);
        consumer.check(&nodes[last]);
        for (document, (revision, _)) in &consumer.held {
            let found = nodes[last].get(&shop(), document).unwrap().unwrap();
            prop_assert_eq!(&found.shown.revision.to_string(), revision, "{}", document);
        }
    }
}

#[test]
fn a_deleted_database_is_not_watched_and_what_survived_in_it_is() {
    let (east, west) = pair();
    put(&east, "a", create("{}"));
    sync(&east, &west);
    let token = east.watch_from_start(&shop()).unwrap();
    let watched = east.watch(&shop(), &token, &WatchFilter::default(), 9).unwrap();
    put(&west, "unseen", create("{}"));
    delete_database(&east, &shop()).unwrap();
    purge(&east);
    let unknown = |result: Result<WatchToken, ReadError>| matches!(result, Err(ReadError::UnknownDatabase { .. }));
    assert!(unknown(east.watch_from_start(&shop())));
    assert!(unknown(east.watch_from_now(&shop())));
    assert!(unknown(east.watch_resume(&shop(), &watched.token)));
    let read = east.watch(&shop(), &watched.token, &WatchFilter::default(), 9);
    assert!(unknown(read.map(|watched| watched.token)));
    exchange(&[&east, &west]);
    let survived = east.watch(&shop(), &watched.token, &WatchFilter::default(), 9).unwrap();
    let ids: Vec<_> = survived.changes.iter().map(|(change, _)| change.id.as_str()).collect();
    assert_eq!(ids, ["unseen"]);
}

#[test]
fn a_piece_holds_about_a_mebibyte_of_bodies_and_none_where_none_are_asked_for() {
    let store = node("east");
    let text = "x".repeat(300 << 10);
    for document in 0..12 {
        put(
            &store,
            &format!("d{document:02}"),
            create(&format!(r#"{{"text":"{text}"}}"#)),
        );
    }
    let start = store.watch_from_start(&shop()).unwrap();
    let bodies = WatchFilter {
        bodies: true,
        ..WatchFilter::default()
    };
    let watched = store.watch(&shop(), &start, &bodies, 256).unwrap();
    assert_eq!((watched.changes.len(), watched.finished), (4, false));
    assert!(watched.changes.iter().all(|(change, _)| change.body.is_some()));
    let watched = store.watch(&shop(), &start, &WatchFilter::default(), 256).unwrap();
    assert_eq!((watched.changes.len(), watched.finished), (12, true));
    assert!(watched.changes.iter().all(|(change, _)| change.body.is_none()));
}
