//! Lists under concurrent writes, and several documents on one snapshot.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use common::*;
use proptest::prelude::*;
use rejoin_document::DocumentId;
use rejoin_store::{ListRange, Store};

/// One page; where to go on.
fn page(
    store: &Store,
    range: &ListRange,
    after: Option<&DocumentId>,
    size: usize,
    met: &mut Vec<String>,
) -> Option<DocumentId> {
    let page = store.list(&shop(), range, after, size).unwrap();
    assert!(page.items.len() <= size);
    met.extend(page.items.into_iter().map(|found| found.id.to_string()));
    page.next
}

fn all(store: &Store, range: &ListRange, size: usize) -> Vec<String> {
    let (mut met, mut after) = (Vec::new(), None);
    loop {
        after = page(store, range, after.as_ref(), size, &mut met);
        if after.is_none() {
            return met;
        }
    }
}

#[test]
fn a_range_is_listed_forward_and_backward() {
    let store = node("east");
    for document in ["a", "b1", "b2", "b3", "c", "ä"] {
        put(&store, document, create("{}"));
    }
    put(&store, "b2", delete());
    let range = |prefix: &str, start: &str, end: &str, descending| ListRange {
        prefix: prefix.to_owned(),
        start: start.to_owned(),
        end: end.to_owned(),
        descending,
    };
    for size in [1, 2, 100] {
        assert_eq!(all(&store, &range("", "", "", true), size), ["ä", "c", "b3", "b1", "a"]);
        assert_eq!(all(&store, &range("b", "", "", false), size), ["b1", "b3"]);
        assert_eq!(all(&store, &range("b", "b2", "", true), size), ["b3"]);
        assert_eq!(all(&store, &range("", "b1", "c", true), size), ["b3", "b1"]);
        assert_eq!(all(&store, &range("", "b1", "c", false), size), ["b1", "b3"]);
        assert_eq!(all(&store, &range("", "c", "c", false), size), Vec::<String>::new());
    }
}

#[test]
fn a_list_stays_within_its_database() {
    let store = node("east");
    put(&store, "a", create("{}"));
    create_database(&store, "zoo", &[]).unwrap();
    let zoo = "zoo".parse().unwrap();
    for descending in [false, true] {
        let range = ListRange {
            descending,
            ..ListRange::default()
        };
        assert_eq!(store.list(&zoo, &range, None, 10).unwrap().items, []);
        assert_eq!(all(&store, &range, 10), ["a"]);
    }
}

fn names() -> impl Strategy<Value = String> {
    "[a-c]{1,3}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_document_that_stays_is_met_exactly_once_whatever_is_written_between_the_pages(
        staying in prop::collection::btree_set(names(), 0..20),
        writes in prop::collection::vec(prop::collection::vec((names(), any::<bool>()), 0..6), 0..12),
        size in 1usize..4, prefix in "[a-c]{0,1}", start in "[a-c]{0,2}", end in "[a-c]{0,2}", descending: bool,
    ) {
        let store = node("east");
        for id in &staying {
            put(&store, id, create("{}"));
        }
        let range = ListRange { prefix, start, end, descending };
        let (mut met, mut after, mut writes) = (Vec::new(), None, writes.into_iter());
        loop {
            after = page(&store, &range, after.as_ref(), size, &mut met);
            for (id, delete_it) in writes.next().unwrap_or_default() {
                if !delete_it || staying.contains(&id) {
                    put(&store, &id, update(&format!(r#"{{"n":{}}}"#, met.len())));
                } else {
                    drop(try_put(&store, &id, delete()));
                }
            }
            if after.is_none() {
                break;
            }
        }
        let ordered = met.windows(2).all(|pair| if descending { pair[0] > pair[1] } else { pair[0] < pair[1] });
        prop_assert!(ordered, "{:?}", met);
        let within = |id: &String| id.starts_with(&range.prefix) && *id >= range.start && (range.end.is_empty() || *id < range.end);
        prop_assert!(met.iter().all(within));
        let met: BTreeSet<_> = met.into_iter().collect();
        for id in staying.iter().filter(|id| within(id)) {
            prop_assert!(met.contains(id), "{} was not met", id);
        }
    }
}

#[test]
fn documents_that_are_written_together_are_never_read_apart() {
    let store = node("east");
    let both = |number: u64| {
        let json = format!(r#"{{"n":{number}}}"#);
        vec![write("a", update(&json)), write("z", update(&json))]
    };
    store.commit(both(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut reads, mut changes, mut last) = (0, 0, String::new());
                    while !done.load(Ordering::SeqCst) {
                        let found = store.get_many(&shop(), &[id("a"), id("absent"), id("z")]).unwrap();
                        let bodies: Vec<_> = found
                            .iter()
                            .flatten()
                            .map(|found| found.shown.body.canonical())
                            .collect();
                        assert_eq!(bodies.len(), 2);
                        assert_eq!(bodies[0], bodies[1], "two documents of one moment");
                        changes += usize::from(last != bodies[0]);
                        last.clone_from(&bodies[0]);
                        reads += 1;
                    }
                    (reads, changes)
                })
            })
            .collect();
        for number in 1..1_000 {
            assert!(store.commit(both(number)).iter().all(Result::is_ok));
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            let (reads, changes) = reader.join().unwrap();
            assert!(
                reads > 10 && changes > 5,
                "{reads} reads saw {changes} states: too few to mean anything"
            );
        }
    });
}

#[test]
fn several_documents_are_bounded_in_bytes_and_at_least_one_is_answered() {
    let store = node("east");
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(6 << 20));
    let ids: Vec<_> = (0..4).map(|number| id(&format!("d{number}"))).collect();
    for id in &ids {
        put(&store, id.as_str(), create(&large));
    }
    assert_eq!(store.get_many(&shop(), &ids).unwrap().len(), 2);
    assert_eq!(store.get_many(&shop(), &ids[3..]).unwrap().len(), 1);
    assert_eq!(store.get_many(&shop(), &[id("absent"), id("d0")]).unwrap().len(), 2);
}
