//! Revisions that were made elsewhere enter under their own names, once, and converge like any write; documents that stay at a node.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use proptest::prelude::*;
use rejoin_document::{DatabaseName, Granularity, Object, Revision};
use rejoin_store::{CommitError, Insertion, LocalWrite, MemoryEngine, Operation, Outcome, Store, Written};

fn trees(datacenter: &str) -> Store {
    let store = open(&Arc::new(MemoryEngine::new()), options(datacenter));
    let definition = definition("shop", Granularity::Document, &[]);
    one(&store, Operation::CreateDatabase(definition)).unwrap();
    store
}

fn insert(store: &Store, history: &[&str], body: Option<Arc<Object>>) -> Option<Written> {
    let insertion = Insertion {
        database: shop(),
        id: id("a"),
        history: history.iter().map(|text| text.parse().unwrap()).collect(),
        body,
    };
    match one(store, Operation::Insert(insertion)).unwrap() {
        Outcome::Inserted(written) => written,
        other => panic!("not inserted: {other:?}"),
    }
}

fn leaves(store: &Store) -> Vec<(String, bool)> {
    let opened = store.opened(&shop(), &id("a")).unwrap().unwrap();
    let leaves = opened.leaves.iter();
    leaves.map(|leaf| (leaf.revision.to_string(), leaf.deleted)).collect()
}

#[test]
fn a_revision_enters_once_with_what_it_grew_from() {
    let store = trees("east");
    let made = insert(&store, &["3-cc", "2-bb", "1-aa"], Some(body(r#"{"n":3}"#))).unwrap();
    assert_eq!(made.made.to_string(), "3-cc");
    let digest = store.root_digest();
    for known in [&["3-cc", "2-bb", "1-aa"][..], &["2-bb"], &["1-aa"]] {
        assert_eq!(insert(&store, known, Some(body("{}"))), None, "{known:?} is known");
    }
    assert_eq!(store.root_digest(), digest);
    insert(&store, &["3-dd", "2-bb"], None).unwrap();
    assert_eq!(leaves(&store), [("3-cc".to_owned(), false), ("3-dd".to_owned(), true)]);
    let opened = store.opened(&shop(), &id("a")).unwrap().unwrap();
    let ancestors: Vec<String> = opened
        .ancestors(&"3-dd".parse().unwrap())
        .iter()
        .map(Revision::to_string)
        .collect();
    assert_eq!(ancestors, ["2-bb", "1-aa"]);
    assert!(opened.body(&"3-dd".parse().unwrap()).unwrap().body.is_none());
    // A client goes on from it as from any revision.
    let (action, conditions) = update(r#"{"n":4}"#);
    let base = Some("3-cc".parse().unwrap());
    let next = put(&store, "a", (action, rejoin_store::Conditions { base, ..conditions }));
    assert_eq!(next.made.generation, 4);
    verify(&store, &shop());
}

#[test]
fn where_members_merge_it_is_a_write_by_somebody_who_had_read_its_newest_known_ancestor() {
    let store = node("east");
    let first = put(&store, "a", create(r#"{"x":1,"y":1}"#)).revision;
    put(&store, "a", update(r#"{"x":2,"y":1}"#));
    let history = ["3-ff".to_owned(), "2-ee".to_owned(), first.to_string()];
    let history: Vec<&str> = history.iter().map(String::as_str).collect();
    insert(&store, &history, Some(body(r#"{"x":1,"y":5}"#))).unwrap();
    assert_eq!(shown(&store, "a").as_deref(), Some(r#"{"x":2,"y":5}"#));
    insert(&store, &["1-ab"], Some(body(r#"{"x":9,"y":5}"#))).unwrap();
    let conflicts = store.get(&shop(), &id("a")).unwrap().unwrap().shown.conflicts;
    assert_eq!(
        conflicts
            .iter()
            .map(|conflict| conflict.path.as_str())
            .collect::<Vec<_>>(),
        ["/x"]
    );
    verify(&store, &shop());
}

#[test]
fn a_document_that_stays_here_is_counted_travels_nowhere_and_goes_with_its_database() {
    let (east, west) = pair();
    let write = |base: u64, text: Option<&str>| {
        let write = LocalWrite {
            database: shop(),
            id: "point".to_owned(),
            base,
            body: text.map(body),
        };
        match one(&east, Operation::PutLocal(write)) {
            Ok(Outcome::LocalPut { number }) => Ok(number),
            Ok(other) => panic!("not stored: {other:?}"),
            Err(error) => Err(error),
        }
    };
    assert_eq!(write(0, Some(r#"{"seq":1}"#)).unwrap(), 1);
    assert!(matches!(
        write(0, Some("{}")),
        Err(CommitError::LocalChanged { found: 1, .. })
    ));
    assert_eq!(write(1, Some(r#"{"seq":2}"#)).unwrap(), 2);
    assert_eq!(
        east.local(&shop(), "point").unwrap().unwrap().1.to_json(),
        r#"{"seq":2}"#
    );
    sync(&east, &west);
    assert_eq!(west.local(&shop(), "point").unwrap(), None);
    assert_eq!(east.root_digest(), west.root_digest());
    one(&east, Operation::DeleteDatabase { database: shop() }).unwrap();
    while let Outcome::Purged { finished: false, .. } = one(&east, Operation::Purge { database: shop() }).unwrap() {}
    create_database(&east, "shop", &[]).unwrap();
    let again: DatabaseName = east.current(&shop());
    assert_eq!(east.local(&again, "point").unwrap(), None);
}

#[test]
fn one_name_with_two_histories_and_two_bodies_joins_to_something_that_can_be_read() {
    let (east, west) = (trees("east"), open(&Arc::new(MemoryEngine::new()), options("west")));
    sync(&east, &west);
    insert(&east, &["3-xx", "2-aa"], Some(body(r#"{"n":1}"#)));
    insert(&west, &["3-xx", "2-bb"], Some(body(r#"{"n":2}"#)));
    sync(&east, &west);
    sync(&west, &east);
    for store in [&east, &west] {
        assert_eq!(leaves(store), [("3-xx".to_owned(), false)]);
        assert_eq!(shown(store, "a").as_deref(), Some(r#"{"n":2}"#));
        put(store, "b", create("{}"));
        verify(store, &shop());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever nodes get which revisions, in whatever order and however often: they come to show the same.
    #[test]
    fn nodes_that_got_the_same_revisions_in_any_order_converge(
        steps in prop::collection::vec((any::<bool>(), 0usize..8, any::<bool>()), 1..16),
    ) {
        // Two trunks that branch: each revision with what it grew from, newest first.
        let revisions: [&[&str]; 8] = [
            &["1-aa"], &["2-ab", "1-aa"], &["2-ac", "1-aa"], &["3-ad", "2-ab", "1-aa"],
            &["1-ba"], &["2-bb", "1-ba"], &["4-ae", "3-ad", "2-ab"], &["3-bc", "2-bb", "1-ba"],
        ];
        let (east, west) = (trees("east"), open(&Arc::new(MemoryEngine::new()), options("west")));
        sync(&east, &west);
        for (in_east, which, syncs) in steps {
            let store = if in_east { &east } else { &west };
            let body = (which != 5).then(|| body(&format!(r#"{{"n":{which}}}"#)));
            insert(store, revisions[which], body);
            if syncs {
                sync(&east, &west);
            }
        }
        sync(&east, &west);
        sync(&west, &east);
        prop_assert_eq!(leaves(&east), leaves(&west));
        prop_assert_eq!(east.root_digest(), west.root_digest());
        verify(&east, &shop());
        verify(&west, &shop());
    }
}
