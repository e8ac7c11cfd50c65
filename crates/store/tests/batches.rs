//! Several writes of one client that happen together, or not at all, here and elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{
    Wish, apply_of, body, create, delete, id, node, one, open, options, pair, put, repair, scan, shop, shown, sync,
    update, verify,
};
use proptest::prelude::*;
use rejoin_document::{RequestName, Sequence};
use rejoin_store::{
    Action, CommitError, Conditions, MemoryEngine, Operation, Outcome, Store, StoreOptions, WriteBatch, WriteRequest,
    Written,
};

fn batch(writes: Vec<(&str, Wish)>) -> Operation {
    named(writes, None)
}

fn named(writes: Vec<(&str, Wish)>, name: Option<&str>) -> Operation {
    let write = |(place, (document, (action, conditions))): (u32, (&str, Wish))| WriteRequest {
        database: shop(),
        id: id(document),
        action,
        conditions,
        request: name.map(|name| RequestName::of(name, place)),
    };
    Operation::WriteBatch(WriteBatch {
        database: shop(),
        writes: (0..).zip(writes).map(write).collect(),
    })
}

fn done(store: &Store, operation: Operation) -> Vec<Written> {
    match one(store, operation).unwrap() {
        Outcome::BatchWritten(written) => written,
        other => panic!("not a batch: {other:?}"),
    }
}

fn refused(store: &Store, operation: Operation) -> (usize, CommitError) {
    match one(store, operation).unwrap_err() {
        CommitError::BatchRefused { place, source } => (place, *source),
        other => panic!("not refused as a batch: {other:?}"),
    }
}

fn swap(expected: &str, new: &str) -> Wish {
    let action = Action::Swap {
        expected: body(expected),
        body: body(new),
    };
    (action, Conditions::default())
}

#[test]
fn a_batch_is_done_as_a_whole_and_its_writes_see_each_other() {
    let store = node("east");
    let written = done(
        &store,
        batch(vec![
            ("a", create(r#"{"n":1}"#)),
            ("b", create(r#"{"n":2}"#)),
            ("a", swap(r#"{"n":1}"#, r#"{"n":3}"#)),
            ("b", delete()),
        ]),
    );
    assert_eq!(written.len(), 4);
    assert_eq!(
        (shown(&store, "a").unwrap(), shown(&store, "b")),
        (r#"{"n":3}"#.to_owned(), None)
    );
    verify(&store, &shop());
}

#[test]
fn one_refused_write_takes_the_whole_batch_back_and_nothing_else() {
    let store = node("east");
    put(&store, "a", create(r#"{"n":1}"#));
    let digest = store.root_digest();
    for (last, place) in [
        (("a", create("{}")), 2),
        (("a", swap("{}", "{}")), 2),
        (("x", delete()), 2),
    ] {
        let (found, error) = refused(
            &store,
            batch(vec![("a", update(r#"{"n":2}"#)), ("c", create("{}")), last]),
        );
        assert_eq!(found, place, "{error:?}");
    }
    assert_eq!(
        (shown(&store, "a").unwrap(), shown(&store, "c")),
        (r#"{"n":1}"#.to_owned(), None)
    );
    assert_eq!(store.root_digest(), digest);
    verify(&store, &shop());
    // In one group with others, before and after.
    let results = store.commit(vec![
        common::write("a", update(r#"{"n":5}"#)),
        batch(vec![
            ("a", update(r#"{"n":6}"#)),
            ("d", create("{}")),
            ("d", create("{}")),
        ]),
        common::write("d", create(r#"{"d":1}"#)),
    ]);
    assert!(
        results[0].is_ok() && results[1].is_err() && results[2].is_ok(),
        "{results:?}"
    );
    assert_eq!(
        (shown(&store, "a").unwrap(), shown(&store, "d").unwrap()),
        (r#"{"n":5}"#.into(), r#"{"d":1}"#.into())
    );
    verify(&store, &shop());
}

#[test]
fn what_a_batch_took_back_is_no_base_for_anybody() {
    let store = node("east");
    let first = put(&store, "a", create(r#"{"n":1}"#));
    refused(
        &store,
        batch(vec![
            ("a", update(r#"{"n":2}"#)),
            ("a", update(r#"{"n":3}"#)),
            ("x", delete()),
        ]),
    );
    let base = store.base(&shop(), &id("a"), &first.revision).unwrap().unwrap();
    assert_eq!(base.body.unwrap().to_json(), r#"{"n":1}"#);
    let merged = common::update_from(&first.revision, r#"{"n":1,"m":1}"#);
    assert!(!put(&store, "a", merged).merged);
}

#[test]
fn a_repeated_batch_is_answered_as_the_first_time_and_done_once() {
    let store = node("east");
    let again = || {
        named(
            vec![("a", create(r#"{"n":1}"#)), ("b", create(r#"{"n":2}"#))],
            Some("order-7"),
        )
    };
    let first = done(&store, again());
    let sequence = store.status()[0].sequence;
    let second = done(&store, again());
    assert!(
        first
            .iter()
            .zip(&second)
            .all(|(a, b)| a.revision == b.revision && a.dot == b.dot && !a.repeated && b.repeated)
    );
    assert_eq!(store.status()[0].sequence, sequence);
}

#[test]
fn documents_that_are_too_large_together_are_refused_before_anything_is_written() {
    let narrow = StoreOptions {
        batch_bytes_max: 4_000,
        ..options("east")
    };
    let store = open(&Arc::new(MemoryEngine::new()), narrow);
    common::create_database(&store, "shop", &[]).unwrap();
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(3_000));
    for document in ["a", "b"] {
        put(&store, document, create(&large));
    }
    let error = one(&store, batch(vec![("a", update("{}")), ("b", update("{}"))])).unwrap_err();
    assert!(
        matches!(error, CommitError::BatchTooLarge { bytes, bytes_max: 4_000 } if bytes > 6_000),
        "{error:?}"
    );
    done(&store, batch(vec![("a", update("{}"))]));
    // One that was done when they were small is answered however much they have grown.
    let small = || {
        named(
            vec![("e", update(r#"{"n":1}"#)), ("f", update(r#"{"n":1}"#))],
            Some("r"),
        )
    };
    let first = done(&store, small());
    for document in ["e", "f"] {
        put(&store, document, update(&large));
    }
    let again = done(&store, small());
    assert!(again.iter().all(|written| written.repeated));
    assert_eq!(again[1].revision, first[1].revision);
    // What the writes come to counts as well, and nothing of them stays.
    let error = one(&store, batch(vec![("c", create(&large)), ("d", create(&large))])).unwrap_err();
    assert!(matches!(error, CommitError::BatchTooLarge { .. }), "{error:?}");
    assert_eq!((shown(&store, "c"), shown(&store, "d")), (None, None));
}

#[test]
fn a_document_of_a_batch_counts_once_and_the_revisions_that_it_supersedes_all_count() {
    let narrow = StoreOptions {
        batch_bytes_max: 20_000,
        ..options("east")
    };
    let store = open(&Arc::new(MemoryEngine::new()), narrow);
    common::create_database(&store, "shop", &[]).unwrap();
    let large = |n: usize| format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(3_000));
    let updates = |count: usize| (0..count).map(|n| ("a", update(&large(n)))).collect();
    put(&store, "a", create(&large(9)));
    done(&store, batch((0..10).map(|_| ("a", update("{}"))).collect()));
    done(&store, batch(updates(4)));
    let error = one(&store, batch(updates(10))).unwrap_err();
    assert!(matches!(error, CommitError::BatchTooLarge { .. }), "{error:?}");
    assert_eq!(shown(&store, "a"), Some(large(3)));
    done(&store, batch(updates(4)));
}

#[test]
fn a_batch_that_branches_have_made_too_large_for_one_message_travels_in_several() {
    let store = |name: &str| {
        let narrow = StoreOptions {
            batch_bytes_max: 8_000,
            ..options(name)
        };
        open(&Arc::new(MemoryEngine::new()), narrow)
    };
    let (east, west, south) = (store("east"), store("west"), store("south"));
    common::create_database(&east, "shop", &[]).unwrap();
    sync(&east, &west);
    for (node, letter) in [(&east, "e"), (&west, "w")] {
        let large = format!(r#"{{"text":"{}"}}"#, letter.repeat(3_000));
        done(node, batch(vec![("a", update(&large)), ("b", update(&large))]));
    }
    sync(&west, &east);
    let first = east.scan(&shop(), Sequence(0), &Default::default(), 1).unwrap();
    assert_eq!(
        (first.items.len(), first.watermark),
        (1, None),
        "two branches of each are too large together"
    );
    let piece = east.scan(&shop(), Sequence(0), &Default::default(), 1 << 20).unwrap();
    assert_eq!(piece.items.len(), 2);
    sync(&east, &south);
    verify(&south, &shop());
    assert_eq!(shown(&south, "a"), shown(&east, "a"));
}

#[test]
fn a_repeated_batch_of_which_one_document_has_forgotten_its_part_is_not_done_again() {
    let (east, _) = pair();
    let writes = || vec![("hot", update(r#"{"n":1}"#)), ("receipt", create("{}"))];
    let first = done(&east, named(writes(), Some("r")));
    for n in 0..300 {
        done(
            &east,
            named(
                vec![("hot", update(&format!(r#"{{"n":{n}}}"#)))],
                Some(&format!("q{n}")),
            ),
        );
    }
    let again = done(&east, named(writes(), Some("r")));
    assert!(again.iter().all(|written| written.repeated));
    assert_eq!(again[1].revision, first[1].revision);
    assert_eq!(shown(&east, "hot").unwrap(), r#"{"n":299}"#);
}

#[test]
fn a_repeated_batch_that_is_still_arriving_from_elsewhere_is_put_off_until_it_has() {
    let (east, west) = pair();
    let writes = || vec![("a", create(r#"{"n":1}"#)), ("b", create(r#"{"n":1}"#))];
    let first = done(&east, named(writes(), Some("r")));
    repair(&east, &west, east.states(&shop(), &[id("a")]).unwrap());
    let error = one(&west, named(writes(), Some("r"))).unwrap_err();
    assert!(matches!(error, CommitError::BatchArriving), "{error:?}");
    assert_eq!(shown(&west, "b"), None);
    sync(&east, &west);
    let again = done(&west, named(writes(), Some("r")));
    assert!(again.iter().all(|written| written.repeated));
    assert_eq!(again[1].dot, first[1].dot);
}

#[test]
fn a_batch_travels_in_one_message_whatever_the_bound_and_through_other_nodes() {
    let (east, west) = pair();
    let south = open(&Arc::new(MemoryEngine::new()), options("south"));
    sync(&west, &south);
    put(&east, "before", create("{}"));
    let documents: Vec<String> = (0..20).map(|n| format!("d{n:02}")).collect();
    let writes = |n: u32| {
        documents
            .iter()
            .map(|id| (id.as_str(), update(&format!(r#"{{"n":{n}}}"#))))
            .collect()
    };
    done(&east, batch(writes(1)));
    put(&east, "after", create("{}"));
    let all = |store: &Store| documents.iter().map(|id| shown(store, id)).collect::<Vec<_>>();
    for (from, to) in [(&east, &west), (&west, &south)] {
        // One byte at most: a single document, or all that belong together.
        loop {
            let hello = to
                .hello(&from.identity().datacenter)
                .into_iter()
                .find(|hello| hello.name == shop())
                .unwrap();
            let since = hello.position.map_or(Sequence(0), |position| position.sequence);
            let piece = from.scan(&shop(), since, &hello.knowledge, 1).unwrap();
            let end = piece.watermark.is_some();
            one(to, apply_of(from, to, &shop(), piece)).unwrap();
            let seen = all(to);
            assert!(
                seen.iter().all(|shown| *shown == seen[0]),
                "a part of a batch shows: {seen:?}"
            );
            if end {
                break;
            }
        }
        assert_eq!(shown(to, "d19").unwrap(), r#"{"n":1}"#);
        verify(to, &shop());
    }
}

#[test]
fn batches_that_end_with_one_hot_document_do_not_grow_into_one_message() {
    let (east, west) = pair();
    for n in 0..50 {
        let order = format!("order-{n:02}");
        done(
            &east,
            batch(vec![
                (&order, create("{}")),
                ("total", update(&format!(r#"{{"n":{n}}}"#))),
            ]),
        );
    }
    let piece = east.scan(&shop(), Sequence(0), &Default::default(), 1).unwrap();
    assert!(
        piece.items.len() <= 2 && piece.watermark.is_none(),
        "{} items",
        piece.items.len()
    );
    sync(&east, &west);
    assert_eq!(east.root_digest(), west.root_digest());
    let whole = scan(&east, &open(&Arc::new(MemoryEngine::new()), options("south")), &shop());
    assert!(
        whole
            .items
            .windows(2)
            .all(|pair| !pair[0].joined || pair[1].id == id("total"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Batches write one number into several documents of a set; whoever sees the documents sees one number in all of a set.
    #[test]
    fn whoever_pulls_piece_by_piece_sees_batches_whole_once_caught_up(
        steps in prop::collection::vec((0usize..3, any::<bool>(), 1usize..200), 1..30),
    ) {
        let (east, west) = pair();
        let sets = [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]];
        let mut expected = BTreeMap::new();
        for (n, (set, pull, bytes)) in (1u32..).zip(steps) {
            let text = format!(r#"{{"n":{n}}}"#);
            done(&east, batch(sets[set].iter().map(|id| (*id, update(&text))).collect()));
            expected.insert(set, text);
            if pull {
                let hello = west.hello(&east.identity().datacenter).into_iter().find(|hello| hello.name == shop()).unwrap();
                let since = hello.position.map_or(Sequence(0), |position| position.sequence);
                let piece = east.scan(&shop(), since, &hello.knowledge, bytes).unwrap();
                one(&west, apply_of(&east, &west, &shop(), piece)).unwrap();
                // No document moves within its set alone, so every piece is whole sets.
                for set in sets {
                    let seen: Vec<_> = set.iter().map(|id| shown(&west, id)).collect();
                    prop_assert!(seen.iter().all(|one| *one == seen[0]), "{:?}", seen);
                }
            }
        }
        sync(&east, &west);
        for (set, text) in expected {
            prop_assert_eq!(shown(&west, sets[set][0]), Some(text));
        }
        verify(&west, &shop());
    }
}
