//! Revisions that were made elsewhere enter under their own names, once, and converge like any write; documents that stay at a node.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use proptest::prelude::*;
use rejoin_document::{DatabaseName, Granularity, Object, Revision, RevisionBody, Rule, Sequence};
use rejoin_store::{
    Action, CommitError, Conditions, Insertion, LocalWrite, MemoryEngine, Operation, Outcome, Store, StoreOptions,
    Written,
};

fn trees(datacenter: &str) -> Store {
    let store = open(&Arc::new(MemoryEngine::new()), options(datacenter));
    let definition = definition("shop", Granularity::Document, &[]);
    one(&store, Operation::CreateDatabase(definition)).unwrap();
    store
}

fn insert(store: &Store, history: &[&str], body: Option<Arc<Object>>) -> Option<Written> {
    insert_holding(store, history, RevisionBody::of(body))
}

fn insert_holding(store: &Store, history: &[&str], content: RevisionBody) -> Option<Written> {
    let insertion = Insertion {
        database: shop(),
        id: id("a"),
        history: history.iter().map(|text| text.parse().unwrap()).collect(),
        content,
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

/// A body, where `body` is another name.
fn text_body(text: &str) -> Arc<Object> {
    body(text)
}

/// What the open revisions hold, as texts.
fn contents(store: &Store) -> Vec<Option<String>> {
    let Some(opened) = store.opened(&shop(), &id("a")).unwrap() else {
        return Vec::new();
    };
    let leaves = opened.leaves.iter();
    leaves
        .map(|leaf| opened.body(&leaf.revision).map(|content| content.body.to_json()))
        .collect()
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
    assert!(opened.body(&"3-dd".parse().unwrap()).unwrap().deleted);
    // A client goes on from it as from any revision.
    let (action, conditions) = update(r#"{"n":4}"#);
    let base = Some("3-cc".parse().unwrap());
    let next = put(&store, "a", (action, Conditions { base, ..conditions }));
    assert_eq!(next.made.generation, 4);
    verify(&store, &shop());
}

#[test]
fn where_members_merge_a_revision_from_elsewhere_is_refused_and_counts_nothing() {
    let store = open(&Arc::new(MemoryEngine::new()), options("east"));
    create_database(&store, "shop", &[("/n", Rule::Counter)]).unwrap();
    let first = put(&store, "a", create(r#"{"n":1}"#)).revision;
    let digest = store.root_digest();
    let insertion = Insertion {
        database: shop(),
        id: id("a"),
        history: vec!["2-ee".parse().unwrap(), first],
        content: RevisionBody::of(Some(body(r#"{"n":5}"#))),
    };
    let refused = one(&store, Operation::Insert(insertion)).unwrap_err();
    assert!(matches!(refused, CommitError::RevisionsFollow { .. }), "{refused:?}");
    assert!(refused.to_string().contains("granularity document"), "{refused}");
    assert_eq!(store.root_digest(), digest);
}

#[test]
fn tombstones_from_elsewhere_make_a_document_no_larger_than_writes_may() {
    let bounded = StoreOptions {
        document_bytes_max: 5_000,
        ..options("east")
    };
    let store = open(&Arc::new(MemoryEngine::new()), bounded);
    one(
        &store,
        Operation::CreateDatabase(definition("shop", Granularity::Document, &[])),
    )
    .unwrap();
    put(&store, "a", create("{}"));
    let insert = |number: usize| {
        let insertion = Insertion {
            database: shop(),
            id: id("a"),
            history: vec![format!("1-{}{number:03}", "x".repeat(200)).parse().unwrap()],
            content: RevisionBody::of(None),
        };
        one(&store, Operation::Insert(insertion))
    };
    let refused = (0..100).map(insert).find_map(Result::err);
    assert!(
        matches!(refused, Some(CommitError::DocumentTooLarge { .. })),
        "{refused:?}"
    );
    // A delete that ends a branch is taken all the same.
    put(&store, "a", delete());
    verify(&store, &shop());
}

#[test]
fn what_a_deletion_leaves_behind_travels_and_is_kept_when_the_document_comes_back() {
    let (east, west) = (trees("east"), open(&Arc::new(MemoryEngine::new()), options("west")));
    sync(&east, &west);
    put(&east, "a", create(r#"{"a":1}"#));
    let left = body(r#"{"a":1,"why":"gone"}"#);
    let leaving = || Action::DeleteLeaving {
        tombstone: Arc::clone(&left),
    };
    let gone = put(&east, "a", (leaving(), Conditions::default())).made;
    assert_eq!(
        gone.to_string(),
        "2-e09f440e01cbc904d47a9f81a1f59a84",
        "recorded from CouchDB"
    );
    sync(&east, &west);
    sync(&west, &east);
    assert_eq!(east.root_digest(), west.root_digest());
    for store in [&east, &west] {
        assert_eq!(shown(store, "a"), None);
        assert_eq!(contents(store), [Some(left.to_json())]);
        let change = store.changes(&shop(), Sequence(0), 10).unwrap().changes;
        assert_eq!(change[0].left, left);
        verify(store, &shop());
    }
    put(&east, "a", create(r#"{"a":2}"#));
    let kept = east.kept_revision(&shop(), &id("a"), &gone).unwrap();
    assert_eq!(kept.map(|kept| (kept.deleted, kept.body)), Some((true, left)));
    verify(&east, &shop());
}

#[test]
fn a_deletion_that_leaves_too_much_behind_is_refused() {
    let bounded = StoreOptions {
        document_bytes_max: 5_000,
        ..options("east")
    };
    let store = open(&Arc::new(MemoryEngine::new()), bounded);
    let definition = definition("shop", Granularity::Document, &[]);
    one(&store, Operation::CreateDatabase(definition)).unwrap();
    put(&store, "a", create("{}"));
    let tombstone = body(&format!(r#"{{"text":"{}"}}"#, "x".repeat(6_000)));
    let content = RevisionBody {
        deleted: true,
        body: Arc::clone(&tombstone),
    };
    let leaving = Action::DeleteLeaving { tombstone };
    let first = try_put(&store, "a", (leaving, Conditions::default()));
    let brought = one(
        &store,
        Operation::Insert(Insertion {
            database: shop(),
            id: id("a"),
            history: vec![
                "2-x".parse().unwrap(),
                "1-967a00dff5e02add41819138abb3284d".parse().unwrap(),
            ],
            content,
        }),
    );
    for refused in [first.map(drop), brought.map(drop)] {
        assert!(
            matches!(refused, Err(CommitError::DocumentTooLarge { .. })),
            "{refused:?}"
        );
    }
    put(&store, "a", delete());
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
        steps in prop::collection::vec((0usize..3, 0usize..12, prop::option::of(0usize..3)), 1..20),
    ) {
        // Two trunks that branch: each revision with what it grew from, newest first. The last four are names that are there with another parent.
        let revisions: [&[&str]; 12] = [
            &["1-aa"], &["2-ab", "1-aa"], &["2-ac", "1-aa"], &["3-ad", "2-ab", "1-aa"],
            &["1-ba"], &["2-bb", "1-ba"], &["4-ae", "3-ad", "2-ab"], &["3-bc", "2-bb", "1-ba"],
            &["2-ab", "1-ba"], &["3-ad", "2-ac", "1-aa"], &["3-ad", "2-bb", "1-ba"], &["4-ae", "3-bc", "2-bb"],
        ];
        let stores = [
            trees("east"),
            open(&Arc::new(MemoryEngine::new()), options("west")),
            open(&Arc::new(MemoryEngine::new()), options("south")),
        ];
        let all_pull_from = |from: usize| {
            for to in (0..3).filter(|to| *to != from) {
                sync(&stores[from], &stores[to]);
            }
        };
        all_pull_from(0);
        for (place, which, pulls) in steps {
            let body = (which != 5).then(|| match which {
                // Another order of members is another text of one content.
                9 => body(r#"{"m":1,"n":3}"#),
                10 => body(r#"{"n":3,"m":1}"#),
                _ => body(&format!(r#"{{"n":{which}}}"#)),
            });
            // One name of a deletion with several things left behind.
            let left = [text_body("{}"), text_body(r#"{"left":1}"#), text_body(r#"{"left":2}"#)];
            let content = RevisionBody {
                deleted: body.is_none(),
                body: body.unwrap_or_else(|| Arc::clone(&left[place])),
            };
            insert_holding(&stores[place], revisions[which], content);
            if let Some(from) = pulls.filter(|from| *from != place) {
                sync(&stores[from], &stores[place]);
            }
        }
        for from in [0, 1, 2, 0, 1, 2] {
            all_pull_from(from);
        }
        for store in &stores {
            prop_assert_eq!(leaves(store), leaves(&stores[0]));
            prop_assert_eq!(contents(store), contents(&stores[0]));
            prop_assert_eq!(store.root_digest(), stores[0].root_digest());
            verify(store, &shop());
        }
    }
}
