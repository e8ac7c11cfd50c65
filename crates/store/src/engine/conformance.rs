//! One suite for every engine: what the store relies on.

use proptest::prelude::*;

use super::{
    Batch, Change, Durability, Engine, EngineError, Entry, Family, KeyRange, MemoryEngine, Mutation, Read, RocksEngine,
    RocksOptions,
};

/// Runs a check on every engine.
fn on_every_engine(check: impl Fn(&dyn Engine)) {
    check(&MemoryEngine::new());
    let directory = tempfile::tempdir().unwrap();
    check(&RocksEngine::open(directory.path(), &small()).unwrap());
}

fn small() -> RocksOptions {
    RocksOptions {
        block_cache_bytes: 1 << 20,
        write_buffer_bytes: 1 << 20,
        ..RocksOptions::default()
    }
}

fn put(engine: &dyn Engine, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(Family::Documents, key.to_vec(), value.to_vec());
    engine.write(batch, Durability::Synced).unwrap();
}

fn keys(read: &dyn Read, range: KeyRange) -> Vec<Vec<u8>> {
    read.scan(Family::Documents, range)
        .map(|entry| entry.unwrap().0.into_vec())
        .collect()
}

#[test]
fn a_written_value_is_read_back_and_an_absent_one_is_none() {
    on_every_engine(|engine| {
        put(engine, b"k", b"v");
        assert_eq!(engine.get(Family::Documents, b"k").unwrap(), Some(b"v".to_vec()));
        assert_eq!(engine.get(Family::Documents, b"other").unwrap(), None);
        assert_eq!(
            engine.get(Family::Changes, b"k").unwrap(),
            None,
            "families are separate"
        );
    });
}

#[test]
fn several_keys_are_read_in_the_order_asked_for() {
    on_every_engine(|engine| {
        put(engine, b"a", b"1");
        put(engine, b"b", b"2");
        let asked = [b"b".to_vec(), b"x".to_vec(), b"a".to_vec(), b"b".to_vec()];
        let found = engine.multi_get(Family::Documents, &asked).unwrap();
        assert_eq!(
            found,
            [Some(b"2".to_vec()), None, Some(b"1".to_vec()), Some(b"2".to_vec())]
        );
        assert_eq!(engine.snapshot().multi_get(Family::Documents, &asked).unwrap(), found);
    });
}

#[test]
fn a_scan_is_ordered_by_bytes_and_respects_both_bounds() {
    on_every_engine(|engine| {
        for key in [&b"b"[..], b"a", b"ab", b"\xff", b"\xff\xff", b"a\x00"] {
            put(engine, key, b"");
        }
        assert_eq!(
            keys(engine, KeyRange::prefix(b"")),
            [&b"a"[..], b"a\x00", b"ab", b"b", b"\xff", b"\xff\xff"]
        );
        assert_eq!(keys(engine, KeyRange::prefix(b"a")), [&b"a"[..], b"a\x00", b"ab"]);
        assert_eq!(keys(engine, KeyRange::prefix_after(b"a", b"a")), [&b"a\x00"[..], b"ab"]);
        assert_eq!(keys(engine, KeyRange::prefix(b"\xff")), [&b"\xff"[..], b"\xff\xff"]);
        assert_eq!(
            keys(
                engine,
                KeyRange {
                    from: b"z".to_vec(),
                    to: Some(b"b".to_vec())
                }
            ),
            Vec::<Vec<u8>>::new()
        );
    });
}

fn keys_back(read: &dyn Read, range: KeyRange) -> Vec<Vec<u8>> {
    read.scan_back(Family::Documents, range)
        .map(|entry| entry.unwrap().0.into_vec())
        .collect()
}

#[test]
fn a_scan_back_gives_the_entries_of_the_scan_in_the_opposite_order() {
    on_every_engine(|engine| {
        for key in [&b"b"[..], b"a", b"ab", b"\xff", b"\xff\xff", b"a\x00", b"c"] {
            put(engine, key, b"");
        }
        let range = |from: &[u8], to: Option<&[u8]>| KeyRange {
            from: from.to_vec(),
            to: to.map(<[u8]>::to_vec),
        };
        let ranges = [
            range(b"", None),
            range(b"a", Some(b"b")),
            range(b"a\x00", Some(b"b\x00")),
            range(b"aa", Some(b"bb")),
            range(b"\xff", None),
            range(b"d", Some(b"e")),
            range(b"b", Some(b"b")),
            range(b"z", Some(b"b")),
        ];
        for range in ranges {
            for read in [engine as &dyn Read, engine.snapshot().as_ref()] {
                let mut expected = keys(read, range.clone());
                expected.reverse();
                assert_eq!(keys_back(read, range.clone()), expected, "{range:?}");
            }
        }
    });
}

#[test]
fn a_long_scan_gives_each_entry_once_and_nothing_that_is_written_meanwhile() {
    on_every_engine(|engine| {
        let all: Vec<Vec<u8>> = (0..300_u16).map(|number| number.to_be_bytes().to_vec()).collect();
        all.iter().for_each(|key| put(engine, key, b""));
        let mut up = engine.scan(Family::Documents, KeyRange::prefix(b""));
        let mut down = engine.scan_back(Family::Documents, KeyRange::prefix(b""));
        let key = |entry: Option<Result<Entry, EngineError>>| entry.map(|entry| entry.unwrap().0.into_vec());
        assert_eq!(key(up.next()).as_ref(), all.first());
        assert_eq!(key(down.next()).as_ref(), all.last());
        put(engine, &[0, 200, 1], b"");
        let rest: Vec<_> = std::iter::from_fn(|| key(up.next())).collect();
        assert_eq!(rest, all[1..]);
        let rest: Vec<_> = std::iter::from_fn(|| key(down.next())).collect();
        assert_eq!(rest, all[..299].iter().rev().cloned().collect::<Vec<_>>());
    });
}

#[test]
fn a_snapshot_can_be_held_by_a_task_that_moves_between_threads() {
    on_every_engine(|engine| {
        put(engine, b"a", b"old");
        let snapshot = engine.snapshot();
        put(engine, b"a", b"new");
        std::thread::scope(|scope| {
            let read = scope.spawn(|| snapshot.get(Family::Documents, b"a").unwrap());
            assert_eq!(read.join().unwrap(), Some(b"old".to_vec()));
        });
    });
}

#[test]
fn a_snapshot_and_a_running_scan_do_not_see_later_writes() {
    on_every_engine(|engine| {
        put(engine, b"a", b"old");
        let snapshot = engine.snapshot();
        let scan = engine.scan(Family::Documents, KeyRange::prefix(b""));
        let scan_back = engine.scan_back(Family::Documents, KeyRange::prefix(b""));
        put(engine, b"a", b"new");
        put(engine, b"b", b"new");
        assert_eq!(snapshot.get(Family::Documents, b"a").unwrap(), Some(b"old".to_vec()));
        assert_eq!(keys(snapshot.as_ref(), KeyRange::prefix(b"")), [b"a"]);
        assert_eq!((scan.count(), scan_back.count()), (1, 1));
        assert_eq!(keys_back(snapshot.as_ref(), KeyRange::prefix(b"")), [b"a"]);
        assert_eq!(keys(engine, KeyRange::prefix(b"")), [b"a", b"b"]);
    });
}

#[test]
fn the_last_change_of_a_key_in_a_batch_counts() {
    on_every_engine(|engine| {
        let mut batch = Batch::new();
        batch.put(Family::Documents, b"a".to_vec(), b"1".to_vec());
        batch.put(Family::Documents, b"a".to_vec(), b"2".to_vec());
        batch.put(Family::Documents, b"b".to_vec(), b"1".to_vec());
        batch.delete(Family::Documents, b"b".to_vec());
        engine.write(batch, Durability::Buffered).unwrap();
        assert_eq!(engine.get(Family::Documents, b"a").unwrap(), Some(b"2".to_vec()));
        assert_eq!(engine.get(Family::Documents, b"b").unwrap(), None);
    });
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    put(&RocksEngine::open(directory.path(), &small()).unwrap(), b"k", b"v");
    let again = RocksEngine::open(directory.path(), &small()).unwrap();
    assert_eq!(again.get(Family::Documents, b"k").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn a_copy_of_the_memory_engine_is_independent() {
    let engine = MemoryEngine::new();
    put(&engine, b"k", b"v");
    let copy = engine.clone();
    put(&engine, b"k", b"w");
    assert_eq!(copy.get(Family::Documents, b"k").unwrap(), Some(b"v".to_vec()));
}

fn mutations() -> impl Strategy<Value = Vec<(u8, bool)>> {
    prop::collection::vec((0u8..12, any::<bool>()), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Keys that are set once and single-deleted once, as change entries are, whatever the batches.
    #[test]
    fn every_engine_holds_the_same_after_the_same_batches(batches in prop::collection::vec(mutations(), 1..8)) {
        let directory = tempfile::tempdir().unwrap();
        let engines: [Box<dyn Engine>; 2] = [Box::new(MemoryEngine::new()), Box::new(RocksEngine::open(directory.path(), &small()).unwrap())];
        let mut set = std::collections::BTreeSet::new();
        for mutations in batches {
            let mut batch = Batch::new();
            for (key, put) in mutations {
                if put && set.insert(key) {
                    batch.put(Family::Changes, vec![key], vec![key]);
                } else if !put && set.remove(&key) {
                    batch.single_delete(Family::Changes, vec![key]);
                }
            }
            for engine in &engines {
                engine.write(batch.clone(), Durability::Buffered).unwrap();
                let found: Vec<u8> = engine.scan(Family::Changes, KeyRange::prefix(b"")).map(|entry| entry.unwrap().0[0]).collect();
                prop_assert_eq!(&found, &set.iter().copied().collect::<Vec<_>>());
                let back: Vec<u8> = engine.scan_back(Family::Changes, KeyRange::prefix(b"")).map(|entry| entry.unwrap().0[0]).collect();
                prop_assert_eq!(&back, &set.iter().rev().copied().collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_batch_keeps_its_changes_in_order() {
    let mut batch = Batch::new();
    assert!(batch.is_empty());
    batch.single_delete(Family::Changes, vec![1]);
    assert_eq!(
        batch.changes(),
        [Change {
            family: Family::Changes,
            key: vec![1],
            mutation: Mutation::SingleDelete
        }]
    );
}
