//! Groups: one batch, one sync, all or nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use proptest::prelude::*;
use rejoin_document::{Limits, Patch, Sequence};
use rejoin_store::{
    Action, CommitError, Conditions, Durability, Engine, Family, Mutation, Operation, Outcome, Store, StoreOptions,
};

fn recorded() -> (Arc<RecordingEngine>, Store) {
    let engine = Arc::new(RecordingEngine::default());
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, options("east")).unwrap();
    create_database(&store, "shop", &[]).unwrap();
    (engine, store)
}

#[test]
fn short_operations_that_take_up_a_lot_are_written_in_several_batches() {
    let engine = Arc::new(RecordingEngine::default());
    let narrow = StoreOptions {
        batch_bytes_max: 10_000,
        ..options("east")
    };
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, narrow).unwrap();
    create_database(&store, "shop", &[]).unwrap();
    put(
        &store,
        "a",
        create(&format!(r#"{{"n":0,"text":"{}"}}"#, "x".repeat(3_000))),
    );
    let before = engine.batches();
    let patch = |n: i64| {
        let patch = Patch::merge(format!(r#"{{"n":{n}}}"#).as_bytes(), &Limits::default()).unwrap();
        (
            Action::Patch {
                patch: Arc::new(patch),
                create: false,
            },
            Conditions::default(),
        )
    };
    let results = store.commit((1..=12).map(|n| write("a", patch(n))).collect());
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(
        engine.batches() - before,
        4,
        "three revisions and the document fill one"
    );
    assert!(shown(&store, "a").unwrap().starts_with(r#"{"n":12,"#));
}

#[test]
fn every_acknowledged_group_is_one_synced_batch_with_the_change_the_time_and_every_index() {
    let (engine, store) = recorded();
    put(&store, "a", create(r#"{"n":0}"#));
    let before = engine.batches();
    let results = store.commit(vec![
        write("a", update(r#"{"n":1}"#)),
        write("b", create("{}")),
        write("c", create("{}")),
    ]);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(engine.batches(), before + 1, "one batch for the group");
    let written = engine.written.lock().unwrap();
    assert!(written.iter().all(|(durability, _)| *durability == Durability::Synced));
    let families: Vec<Family> = written
        .last()
        .unwrap()
        .1
        .changes()
        .iter()
        .map(|change| change.family)
        .collect();
    for family in [
        Family::Documents,
        Family::Changes,
        Family::Digest,
        Family::Databases,
        Family::Meta,
        Family::Revisions,
    ] {
        assert!(families.contains(&family), "{family:?} is missing");
    }
}

#[test]
fn a_change_entry_is_set_once_and_removed_once_with_single_delete() {
    let (engine, store) = recorded();
    for n in 0..5 {
        store.commit(vec![
            write("a", update(&format!(r#"{{"n":{n}}}"#))),
            write("a", update(&format!(r#"{{"m":{n}}}"#))),
        ]);
    }
    let (mut put, mut removed) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for (_, batch) in engine.written.lock().unwrap().iter() {
        for change in batch.changes().iter().filter(|change| change.family == Family::Changes) {
            match change.mutation {
                Mutation::Put(_) => *put.entry(change.key.clone()).or_insert(0) += 1,
                Mutation::SingleDelete => *removed.entry(change.key.clone()).or_insert(0) += 1,
                Mutation::Delete => panic!("a plain delete leaves more behind"),
            }
        }
    }
    assert!(put.values().chain(removed.values()).all(|count| *count == 1));
    assert!(removed.keys().all(|key| put.contains_key(key)));
    assert_eq!(removed.len(), 4, "each group moved the entry once");
}

#[test]
fn writes_of_one_group_see_each_other() {
    let (_, store) = recorded();
    let results = store.commit(vec![
        write("a", create(r#"{"n":1}"#)),
        write("a", create(r#"{"n":2}"#)),
        write("a", update(r#"{"n":3}"#)),
        write("a", delete()),
        write("a", delete()),
        write("a", create(r#"{"n":4}"#)),
    ]);
    let ok: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(ok, [true, false, true, true, false, true]);
    assert!(matches!(results[1], Err(CommitError::DocumentExists { .. })));
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":4}"#);
    let log = store.changes(&shop(), Sequence(0), 10).unwrap();
    assert_eq!(log.changes.len(), 1, "one entry for the document");
    verify(&store, &shop());
}

#[test]
fn a_base_that_was_shown_within_the_group_is_found() {
    let (_, store) = recorded();
    let first = put(&store, "a", create(r#"{"x":1,"y":1,"z":1}"#)).revision;
    let lone = node("west");
    put(&lone, "a", create(r#"{"x":1,"y":1,"z":1}"#));
    let second = put(&lone, "a", update_from(&first, r#"{"x":2,"y":1,"z":1}"#)).revision;
    let results = store.commit(vec![
        write("a", update_from(&first, r#"{"x":2,"y":1,"z":1}"#)),
        write("a", update_from(&second, r#"{"x":2,"y":2,"z":1}"#)),
        write("a", update_from(&second, r#"{"x":2,"y":1,"z":2}"#)),
    ]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(shown(&store, "a").unwrap(), r#"{"x":2,"y":2,"z":2}"#);
}

#[test]
fn a_refused_operation_leaves_the_others_of_its_group_alone() {
    let (engine, store) = recorded();
    let before = engine.batches();
    assert!(try_put(&store, "absent", delete()).is_err());
    assert_eq!(engine.batches(), before, "a group of refusals writes nothing");
    let results = store.commit(vec![
        write("a", create("{}")),
        write("absent", delete()),
        write("b", create("{}")),
    ]);
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    verify(&store, &shop());
}

#[test]
fn a_failed_write_fails_the_whole_group_changes_nothing_and_stops_the_store() {
    let (engine, store) = recorded();
    put(&store, "a", create(r#"{"n":1}"#));
    let mut news = store.subscribe();
    let (digest, status, hello) = (
        store.root_digest(),
        store.status(),
        store.hello(&"west".parse().unwrap()),
    );
    engine.fail_writes.store(true, Ordering::SeqCst);
    let mut results = store.commit(vec![
        write("a", update(r#"{"n":2}"#)),
        write("b", create("{}")),
        write("a", create("{}")),
    ]);
    let refused = results.pop().unwrap();
    assert!(
        matches!(refused, Err(CommitError::DocumentExists { .. })),
        "what was refused is certain: {refused:?}"
    );
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(CommitError::Unsure(_)))),
        "{results:?}"
    );
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":1}"#);
    assert_eq!(
        (
            store.root_digest(),
            store.status(),
            store.hello(&"west".parse().unwrap())
        ),
        (digest, status, hello)
    );
    assert!(news.try_recv().is_err(), "nobody is told");
    engine.fail_writes.store(false, Ordering::SeqCst);
    assert!(
        matches!(try_put(&store, "b", create("{}")), Err(CommitError::Stopped)),
        "what is on disk is unknown now"
    );
    verify(&store, &shop());
    let again = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, options("east")).unwrap();
    put(&again, "b", create("{}"));
    verify(&again, &shop());
}

#[test]
fn a_failed_read_fails_the_operation_and_the_store_goes_on() {
    let (engine, store) = recorded();
    engine.fail_reads.store(true, Ordering::SeqCst);
    assert!(matches!(try_put(&store, "a", create("{}")), Err(CommitError::Store(_))));
    engine.fail_reads.store(false, Ordering::SeqCst);
    put(&store, "a", create("{}"));
    verify(&store, &shop());
}

#[test]
fn subscribers_are_told_once_per_group_and_database_after_it_is_durable() {
    let (_, store) = recorded();
    let mut news = store.subscribe();
    store.commit(vec![write("a", create("{}")), write("b", create("{}"))]);
    let told = news.try_recv().unwrap();
    assert_eq!((told.database, told.local), (shop(), true));
    assert_eq!(told.sequence, store.status()[0].sequence);
    assert!(news.try_recv().is_err());
}

#[test]
fn an_empty_group_is_not_synced_and_records_that_the_node_is_alive() {
    let (engine, store) = recorded();
    assert!(store.commit(Vec::new()).is_empty());
    let written = engine.written.lock().unwrap();
    let (durability, batch) = written.last().unwrap();
    assert_eq!((*durability, batch.changes().len()), (Durability::Buffered, 1));
}

#[derive(Debug, Clone)]
enum Step {
    Write {
        node: usize,
        document: u8,
        member: u8,
        value: u8,
        stale: bool,
        keep: bool,
    },
    Delete {
        node: usize,
        document: u8,
    },
    Sync {
        from: usize,
        to: usize,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let write = (0..2usize, 0..3u8, 0..3u8, 0..4u8, any::<bool>(), any::<bool>()).prop_map(
        |(node, document, member, value, stale, keep)| Step::Write {
            node,
            document,
            member,
            value,
            stale,
            keep,
        },
    );
    let delete = (0..2usize, 0..3u8).prop_map(|(node, document)| Step::Delete { node, document });
    let sync = (0..2usize).prop_map(|from| Step::Sync { from, to: 1 - from });
    let step = prop_oneof![6 => write, 1 => delete, 2 => sync, 1 => Just(Step::Reopen)];
    prop::collection::vec(prop::collection::vec(step, 1..5), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is written in whatever groups: indexes, counters and digests are those of the documents, and two nodes converge.
    #[test]
    fn indexes_always_agree_with_the_documents(groups in steps()) {
        let engines = [Arc::new(rejoin_store::MemoryEngine::new()), Arc::new(rejoin_store::MemoryEngine::new())];
        let mut nodes = [open(&engines[0], options("east")), open(&engines[1], options("west"))];
        create_database(&nodes[0], "shop", &[("/0", rejoin_document::Rule::Latest)]).unwrap();
        sync(&nodes[0], &nodes[1]);
        let mut seen = std::collections::BTreeMap::new();
        for group in groups {
            pass(1);
            let mut queued = [Vec::new(), Vec::new()];
            for step in group {
                match step {
                    Step::Write { node, document, member, value, stale, keep } => {
                        let name = document.to_string();
                        let json = format!(r#"{{"{member}":{value}}}"#);
                        let old = seen.get(&(node, document)).filter(|_| stale);
                        queued[node].push(write(&name, match (old, keep) {
                            (Some(old), true) => keep_from(old, &json),
                            (Some(old), false) => update_from(old, &json),
                            (None, _) => update(&json),
                        }));
                    }
                    Step::Delete { node, document } => queued[node].push(write(&document.to_string(), delete())),
                    Step::Sync { from, to } => {
                        flush(&nodes, &mut queued, &mut seen);
                        sync(&nodes[from], &nodes[to]);
                    }
                    Step::Reopen => {
                        flush(&nodes, &mut queued, &mut seen);
                        nodes = [open(&engines[0], options("east")), open(&engines[1], options("west"))];
                    }
                }
            }
            flush(&nodes, &mut queued, &mut seen);
            nodes.iter().for_each(|node| verify(node, &shop()));
        }
        sync(&nodes[0], &nodes[1]);
        sync(&nodes[1], &nodes[0]);
        sync(&nodes[0], &nodes[1]);
        prop_assert_eq!(nodes[0].root_digest(), nodes[1].root_digest());
        nodes.iter().for_each(|node| verify(node, &shop()));
    }
}

type Seen = std::collections::BTreeMap<(usize, u8), rejoin_document::Revision>;

/// Commits what was queued for each node as one group, and remembers a revision of each document now and then.
fn flush(nodes: &[Store; 2], queued: &mut [Vec<Operation>; 2], seen: &mut Seen) {
    for (index, node) in nodes.iter().enumerate() {
        let operations = std::mem::take(&mut queued[index]);
        let documents: Vec<u8> = operations
            .iter()
            .map(|operation| match operation {
                Operation::Write(request) => request.id.as_str().parse().unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        if operations.is_empty() {
            continue;
        }
        for (document, result) in documents.into_iter().zip(node.commit(operations)) {
            if let Ok(Outcome::Written(written)) = result {
                seen.entry((index, document)).or_insert(written.revision);
            }
        }
    }
}

#[test]
fn an_operation_that_changes_nothing_costs_no_sync() {
    let (engine, store) = recorded();
    let before = engine.batches();
    assert!(matches!(
        create_database(&store, "shop", &[]).unwrap(),
        Outcome::Database { created: false }
    ));
    assert_eq!(engine.batches(), before);
}

#[test]
fn a_count_that_cannot_go_on_fails_no_group() {
    let engine = Arc::new(RecordingEngine::default());
    let west = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, options("west")).unwrap();
    create_database(&west, "shop", &[]).unwrap();
    let east = open(&Arc::new(rejoin_store::MemoryEngine::new()), options("east"));
    pass(1);
    create_database(&east, "shop", &[("/x", rejoin_document::Rule::Latest)]).unwrap();
    let system = rejoin_document::DatabaseName::system();
    let rules = apply_of(&east, &west, &system, scan(&east, &west, &system));
    // The step that each group takes would already be the whole count here.
    engine.fail_scans.store(true, Ordering::SeqCst);
    one(&west, rules).unwrap();
    assert!(!west.has_pending_work(), "it would be tried without end");
    put(&west, "a", create("{}"));
}
