//! Data directories that cannot be used: each is a clear error that says what to do, and nothing is changed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_store::{
    Batch, CorruptRecord, Durability, Engine, Family, MemoryEngine, OpenError, RocksEngine, RocksOpenError,
    RocksOptions, Store, StoreError,
};

fn engine_with(key: &[u8], value: &[u8]) -> Arc<MemoryEngine> {
    let engine = Arc::new(MemoryEngine::new());
    drop(open(&engine, options("east")));
    let mut batch = Batch::new();
    batch.put(Family::Meta, key.to_vec(), value.to_vec());
    engine.write(batch, Durability::Synced).unwrap();
    engine
}

fn refusal(engine: &Arc<MemoryEngine>) -> OpenError {
    let before = Arc::new(MemoryEngine::clone(engine));
    let refused = Store::open(Arc::clone(engine) as Arc<dyn Engine>, options("east"))
        .map(drop)
        .unwrap_err();
    for family in Family::ALL {
        let entries = |engine: &MemoryEngine| {
            let entries = rejoin_store::Read::scan(engine, family, rejoin_store::KeyRange::prefix(b""));
            entries.map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(entries(engine), entries(&before), "nothing is changed");
    }
    refused
}

#[test]
fn a_directory_of_another_format_version_is_refused() {
    let error = refusal(&engine_with(b"format", &9u32.to_be_bytes()));
    assert!(
        matches!(error, OpenError::FormatVersion { found: 9, expected: 3 }),
        "{error:?}"
    );
    assert!(error.to_string().contains("run the version that wrote it"), "{error}");
}

#[test]
fn a_damaged_record_is_refused_and_not_taken_for_absent() {
    let error = refusal(&engine_with(b"identity", &[1, 2, 3]));
    assert!(
        matches!(
            error,
            OpenError::Store(StoreError::Corrupt(CorruptRecord {
                family: Family::Meta,
                ..
            }))
        ),
        "{error:?}"
    );
}

#[test]
fn a_directory_that_is_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let held = RocksEngine::open(directory.path(), &RocksOptions::default()).unwrap();
    let error = RocksEngine::open(directory.path(), &RocksOptions::default())
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, RocksOpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(held);
    RocksEngine::open(directory.path(), &RocksOptions::default()).unwrap();
}

#[test]
fn a_path_that_is_no_directory_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = RocksEngine::open(file.path(), &RocksOptions::default())
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, RocksOpenError::Directory { .. }), "{error:?}");
}

#[test]
fn a_directory_with_somebody_elses_files_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("thesis.txt"), "years of work").unwrap();
    let error = RocksEngine::open(directory.path(), &RocksOptions::default())
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(&error, RocksOpenError::Foreign { found, .. } if found == "thesis.txt"),
        "{error:?}"
    );
    let left: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["thesis.txt"]);
}

#[test]
fn a_node_on_rocksdb_comes_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let engine = || Arc::new(RocksEngine::open(directory.path(), &RocksOptions::default()).unwrap()) as Arc<dyn Engine>;
    let store = Store::open(engine(), options("east")).unwrap();
    create_database(&store, "shop", &[]).unwrap();
    let first = put(&store, "a", create(r#"{"n":1}"#));
    for n in 2..20 {
        put(&store, "a", update(&format!(r#"{{"n":{n}}}"#)));
        put(&store, &n.to_string(), create(r#"{"x":1}"#));
    }
    put(&store, "3", delete());
    // Each run numbers its logs from the moment of its start, so a position only grows over a restart.
    let (digest, mut status, identity) = (store.root_digest(), store.status(), store.identity());
    let before = status[0].sequence;
    drop(store);
    let store = Store::open(engine(), options("east")).unwrap();
    let after = store.status()[0].sequence;
    assert!(after > before, "{after} after {before}");
    status[0].sequence = after;
    assert_eq!(
        (store.root_digest(), store.status(), store.identity()),
        (digest, status, identity)
    );
    assert!(store.base(&shop(), &id("a"), &first.revision).unwrap().is_some());
    verify(&store, &shop());
}

#[test]
fn a_directory_with_a_family_of_a_later_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let open = || RocksEngine::open(directory.path(), &RocksOptions::default());
    drop(open().unwrap());
    let options = rocksdb::Options::default();
    let families = || rocksdb::DB::list_cf(&options, directory.path()).unwrap();
    let mut db = rocksdb::DB::open_cf(&options, directory.path(), families()).unwrap();
    db.create_cf("of-tomorrow", &options).unwrap();
    drop(db);
    let before = families();
    let error = open().map(drop).unwrap_err();
    assert!(
        matches!(&error, RocksOpenError::UnknownFamily { family, .. } if family == "of-tomorrow"),
        "{error:?}"
    );
    assert!(error.to_string().contains("was written by another version"), "{error}");
    assert_eq!(families(), before);
}
