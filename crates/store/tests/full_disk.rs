//! A disk without room: what would make it grow is refused, everything else goes on, and writes are taken again when there is room.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{RecordingEngine, create, id, one, options, put, reads_through, shop, shown, try_put, update, verify};
use rejoin_store::{
    Batch, CommitError, Durability, Engine, EngineError, Entries, Family, KeyRange, Operation, Read, Store,
};

/// A disk of which a test says how much is free, and what a write meets that finds none.
#[derive(Default)]
struct SmallDisk {
    inner: RecordingEngine,
    free: AtomicU64,
    written_out: AtomicU64,
}

const MANY: u64 = 1 << 40;

impl SmallDisk {
    fn set_free(&self, bytes: u64) {
        self.free.store(bytes, Ordering::SeqCst);
    }
}

reads_through!(SmallDisk);

impl Engine for SmallDisk {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.inner.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        if self.free.load(Ordering::SeqCst) == 0 {
            return Err(EngineError::new("write", "planted").without_space());
        }
        self.inner.write(batch, durability)
    }

    fn write_out(&self) {
        self.written_out.fetch_add(1, Ordering::SeqCst);
    }

    fn free_bytes(&self) -> Option<u64> {
        // A write may find the disk full although there seemed to be room.
        Some(self.free.load(Ordering::SeqCst)).filter(|free| *free > 0)
    }
}

fn node() -> (Arc<SmallDisk>, Store) {
    let disk = Arc::new(SmallDisk::default());
    disk.set_free(MANY);
    let store = Store::open(Arc::clone(&disk) as Arc<dyn Engine>, options("east")).unwrap();
    common::create_database(&store, "shop", &[]).unwrap();
    (disk, store)
}

#[test]
fn a_nearly_full_disk_refuses_writes_and_takes_them_again_when_there_is_room() {
    let (disk, store) = node();
    put(&store, "a", create(r#"{"n":1}"#));
    disk.set_free(1 << 20);
    assert_eq!(store.disk(), (true, Some(1 << 20)));
    let error = try_put(&store, "a", update(r#"{"n":2}"#)).unwrap_err();
    assert!(
        matches!(error, CommitError::DiskFull { free } if free == 1 << 20),
        "{error:?}"
    );
    assert!(error.to_string().contains("reads go on"), "{error}");
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":1}"#);
    // What makes room is done.
    one(&store, Operation::Prune { database: shop() }).unwrap();
    one(&store, Operation::Forget { database: shop() }).unwrap();
    disk.set_free(MANY);
    put(&store, "a", update(r#"{"n":2}"#));
    assert_eq!(store.disk(), (false, Some(MANY)));
    verify(&store, &shop());
}

#[test]
fn a_write_that_finds_no_room_is_unknown_and_the_store_goes_on_from_what_is_on_disk() {
    let (disk, store) = node();
    put(&store, "a", create(r#"{"n":1}"#));
    disk.set_free(0);
    let error = try_put(&store, "a", update(r#"{"n":2}"#)).unwrap_err();
    assert!(matches!(error, CommitError::Unsure(_)), "{error:?}");
    let error = try_put(&store, "b", create("{}")).unwrap_err();
    assert!(matches!(error, CommitError::DiskFull { .. }), "{error:?}");
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":1}"#, "reads go on");
    disk.set_free(MANY);
    put(&store, "b", create(r#"{"n":3}"#));
    put(&store, "a", update(r#"{"n":4}"#));
    verify(&store, &shop());
    assert_eq!(
        store.get(&shop(), &id("a")).unwrap().unwrap().shown.revision.generation,
        2
    );
}

#[test]
fn memory_is_written_out_once_when_room_grows_short() {
    let (disk, store) = node();
    let written_out = || disk.written_out.load(Ordering::SeqCst);
    put(&store, "a", create("{}"));
    assert_eq!(written_out(), 0);
    disk.set_free(40 << 20);
    put(&store, "b", create("{}"));
    put(&store, "c", create("{}"));
    assert_eq!(written_out(), 1);
    disk.set_free(1 << 20);
    try_put(&store, "d", create("{}")).unwrap_err();
    assert_eq!(written_out(), 1, "there is nothing new in memory");
    disk.set_free(MANY);
    put(&store, "d", create("{}"));
    disk.set_free(40 << 20);
    put(&store, "e", create("{}"));
    assert_eq!(written_out(), 2);
}
