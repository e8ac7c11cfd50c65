//! Quotas of databases, and the count of bytes that they rest on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use proptest::prelude::*;
use rejoin_store::{
    Batch, CommitError, DatabaseChange, DatabaseDefinition, Durability, Engine, Family, KeyRange, MemoryEngine,
    Operation, Outcome, Read, Store, WriteBatch, WriteRequest,
};

fn set_quota(store: &Store, documents: u64, bytes: u64) {
    let change = DatabaseChange {
        documents_max: Some(documents),
        bytes_max: Some(bytes),
        ..DatabaseChange::of(shop())
    };
    one(store, Operation::UpdateDatabase(change)).unwrap();
}

fn usage(store: &Store) -> (u64, u64) {
    let status = store.status().into_iter().find(|status| status.name == shop()).unwrap();
    (status.documents, status.bytes)
}

/// What lies in the family of documents beside the definitions.
fn counted(engine: &MemoryEngine) -> u64 {
    let entries = engine
        .scan(Family::Documents, KeyRange::prefix(b""))
        .map(Result::unwrap);
    let user = entries.filter(|(key, _)| !key.starts_with(&0_u32.to_be_bytes()));
    user.map(|(_, value)| value.len() as u64).sum()
}

#[track_caller]
fn assert_over_quota(refused: Result<impl std::fmt::Debug, CommitError>, of: &str) {
    match refused {
        Err(CommitError::OverQuota(over)) => assert_eq!(over.what, of),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_document_beyond_the_quota_is_refused_and_changes_and_deletes_are_taken() {
    let store = node("east");
    set_quota(&store, 2, 0);
    put(&store, "a", create(r#"{"n":1}"#));
    put(&store, "b", create(r#"{"n":1}"#));
    let refused = try_put(&store, "c", create("{}"));
    let text = refused.as_ref().unwrap_err().to_string();
    assert!(text.contains("database update shop --documents-max"), "{text}");
    assert_over_quota(refused, "documents");
    assert_eq!(shown(&store, "c"), None);
    put(&store, "a", update(r#"{"n":2,"more":"than before"}"#));
    put(&store, "b", delete());
    put(&store, "c", create("{}"));
    assert_over_quota(try_put(&store, "b", create("{}")), "documents");
    set_quota(&store, 0, 0);
    put(&store, "b", create("{}"));
    assert_eq!(usage(&store).0, 3);
}

#[test]
fn a_write_that_makes_a_document_larger_than_the_quota_is_refused_and_one_that_makes_it_smaller_is_taken() {
    let store = node("east");
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000));
    put(&store, "a", create(&large));
    let (_, used) = usage(&store);
    set_quota(&store, 0, used + 100);
    assert_over_quota(try_put(&store, "b", create(&large)), "bytes");
    set_quota(&store, 0, used / 2);
    // Over the quota only what grows is refused.
    assert_over_quota(try_put(&store, "b", create("{}")), "bytes");
    let larger = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_001));
    assert_over_quota(try_put(&store, "a", update(&larger)), "bytes");
    put(&store, "a", update(r#"{"text":"short"}"#));
    put(&store, "b", create("{}"));
    set_quota(&store, 0, 1);
    put(&store, "a", delete());
    put(&store, "b", delete());
}

#[test]
fn writes_of_one_group_count_together_and_a_batch_that_is_refused_leaves_no_trace() {
    let store = node("east");
    set_quota(&store, 3, 0);
    let results = store.commit(
        (0..5)
            .map(|number| write(&format!("d{number}"), create("{}")))
            .collect(),
    );
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    assert_eq!(usage(&store).0, 3);
    one(&store, write("d0", delete())).unwrap();
    let batch = |ids: &[&str]| {
        let writes = ids.iter().map(|id| match write(id, create("{}")) {
            Operation::Write(request) => request,
            _ => unreachable!(),
        });
        let writes: Vec<WriteRequest> = writes.collect();
        Operation::WriteBatch(WriteBatch {
            database: shop(),
            writes,
        })
    };
    match one(&store, batch(&["x", "y"])) {
        Err(CommitError::BatchRefused { place: 1, source }) => assert_over_quota(Err::<(), _>(*source), "documents"),
        other => panic!("{other:?}"),
    }
    assert_eq!((shown(&store, "x"), usage(&store).0), (None, 2));
    assert!(matches!(one(&store, batch(&["x"])), Ok(Outcome::BatchWritten(_))));
}

#[test]
fn what_comes_from_another_datacenter_is_never_refused_and_counts() {
    let (east, west) = pair();
    set_quota(&east, 1, 0);
    put(&east, "a", create("{}"));
    for number in 0..5 {
        put(&west, &format!("w{number}"), create("{}"));
    }
    exchange(&[&east, &west]);
    assert_eq!((usage(&east).0, usage(&west).0), (6, 6));
    for store in [&east, &west] {
        assert_over_quota(try_put(store, "more", create("{}")), "documents");
    }
    put(&west, "w0", delete());
    exchange(&[&east, &west]);
    assert_eq!(usage(&east).0, 5);
}

#[test]
fn a_quota_is_part_of_the_definition_and_is_back_after_a_restart() {
    let engine = Arc::new(MemoryEngine::new());
    let store = open(&engine, options("east"));
    let mut wanted: DatabaseDefinition = definition("shop", rejoin_document::Granularity::Document, &[]);
    wanted.settings.documents_max = 1;
    one(&store, Operation::CreateDatabase(wanted)).unwrap();
    put(&store, "a", create("{}"));
    let before = usage(&store);
    drop(store);
    let store = open(&engine, options("east"));
    assert_eq!(usage(&store), before);
    assert_over_quota(try_put(&store, "b", create("{}")), "documents");
}

#[test]
fn a_directory_of_an_earlier_version_is_counted_when_it_is_opened() {
    let engine = Arc::new(MemoryEngine::new());
    let store = open(&engine, options("east"));
    create_database(&store, "shop", &[]).unwrap();
    put(&store, "a", create(r#"{"text":"some"}"#));
    put(&store, "b", create("{}"));
    put(&store, "b", delete());
    let before = usage(&store);
    drop(store);
    // As format 2 had it: the record without the bytes.
    let mut batch = Batch::new();
    batch.put(Family::Meta, b"format".to_vec(), 2_u32.to_be_bytes().to_vec());
    for entry in engine.scan(Family::Databases, KeyRange::prefix(b"")) {
        let (key, mut value) = entry.map(|(key, value)| (key, value.to_vec())).unwrap();
        value[0] = 1;
        value.drain(38..46);
        batch.put(Family::Databases, key.to_vec(), value);
    }
    engine.write(batch, Durability::Synced).unwrap();
    let store = open(&engine, options("east"));
    assert_eq!(usage(&store), before);
    assert_eq!(before.1, counted(&engine));
    let format = engine.get(Family::Meta, b"format").unwrap().unwrap();
    assert_eq!(format, 3_u32.to_be_bytes(), "an earlier version refuses it now");
}

/// Something that happens to one of two nodes.
#[derive(Debug, Clone)]
enum Step {
    Put { node: usize, id: u8, size: usize },
    Delete { node: usize, id: u8 },
    Exchange,
    Forget { node: usize },
    Restart { node: usize },
    DeleteDatabase { node: usize },
    Create { node: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = 0..2_usize;
    let step = prop_oneof![
        8 => (node.clone(), 0..5_u8, 0..200_usize).prop_map(|(node, id, size)| Step::Put { node, id, size }),
        3 => (node.clone(), 0..5_u8).prop_map(|(node, id)| Step::Delete { node, id }),
        2 => Just(Step::Exchange),
        1 => node.clone().prop_map(|node| Step::Forget { node }),
        1 => node.clone().prop_map(|node| Step::Restart { node }),
        1 => node.clone().prop_map(|node| Step::DeleteDatabase { node }),
        1 => node.prop_map(|node| Step::Create { node }),
    ];
    prop::collection::vec(step, 1..40)
}

/// The bytes that all databases are said to have, and those that lie there.
fn assert_exact(store: &Store, engine: &MemoryEngine) {
    let said: u64 = store.status().iter().map(|status| status.bytes).sum();
    assert_eq!(said, counted(engine));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_count_of_bytes_is_what_lies_there_whatever_happens(steps in steps()) {
        let engines = [(); 2].map(|()| Arc::new(MemoryEngine::new()));
        let open_node = |node: usize| {
            let mut options = options(["east", "west"][node]);
            options.peers.retain(|peer| peer.as_str() != "south");
            options.tombstone_retention = std::time::Duration::ZERO;
            open(&engines[node], options)
        };
        let mut stores = [open_node(0), open_node(1)];
        create_database(&stores[0], "shop", &[]).unwrap();
        exchange(&[&stores[0], &stores[1]]);
        for step in steps {
            match step {
                Step::Put { node, id, size } => {
                    let body = format!(r#"{{"at{node}":"{}"}}"#, "x".repeat(size));
                    let _ = try_put(&stores[node], &format!("d{id}"), update(&body));
                }
                Step::Delete { node, id } => drop(try_put(&stores[node], &format!("d{id}"), delete())),
                Step::Exchange => exchange(&[&stores[0], &stores[1]]),
                Step::Forget { node } => {
                    for status in stores[node].status() {
                        one(&stores[node], Operation::Forget { database: status.name }).unwrap();
                    }
                }
                Step::Restart { node } => stores[node] = open_node(node),
                Step::DeleteDatabase { node } => {
                    let _ = delete_database(&stores[node], &shop());
                    purge(&stores[node]);
                }
                Step::Create { node } => drop(create_database(&stores[node], "shop", &[])),
            }
            for node in 0..2 {
                assert_exact(&stores[node], &engines[node]);
            }
        }
    }
}
