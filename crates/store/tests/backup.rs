//! Backups of a store that is written to, and directories that are made of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use rejoin_store::{
    BackupError, BackupManifest, BackupRestoreError, MemoryEngine, Operation, RocksEngine, RocksOptions, Store,
    restore_backup,
};

/// Rows of a database of which each write changes two together.
const ROWS: u64 = 50;

fn open_at(path: &Path) -> Store {
    let engine = RocksEngine::open(path, &RocksOptions::default()).unwrap();
    Store::open(Arc::new(engine), options("east")).unwrap()
}

/// A store on disk with one document, and where backups of it go.
fn stored() -> (tempfile::TempDir, Store, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(&directory.path().join("data"));
    create_database(&store, "shop", &[]).unwrap();
    put(&store, "first", create(r#"{"n":0}"#));
    let backup = directory.path().join("backup");
    (directory, store, backup)
}

#[test]
fn a_backup_under_load_is_one_state_with_all_that_was_acknowledged_before_it_began() {
    let (directory, store, _) = stored();
    let (acknowledged, running) = (AtomicU64::new(0), AtomicU64::new(1));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while running.load(Ordering::SeqCst) == 1 {
                number += 1;
                put(
                    &store,
                    &format!("row-{}", number % ROWS),
                    update(&format!(r#"{{"n":{number}}}"#)),
                );
                acknowledged.store(number, Ordering::SeqCst);
            }
        });
        let mut before_last = 0;
        for round in 0..4 {
            while acknowledged.load(Ordering::SeqCst) < before_last + 30 {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let backup = directory.path().join(format!("backup-{round}"));
            let manifest = store.backup(&backup).unwrap();
            assert!(acknowledged.load(Ordering::SeqCst) >= before);
            before_last = acknowledged.load(Ordering::SeqCst);
            let data = directory.path().join(format!("restored-{round}"));
            assert_eq!(restore_backup(&backup, &data, Some("east")).unwrap(), manifest);
            let restored = open_at(&data);
            verify(&restored, &shop());
            let newest = (0..ROWS)
                .filter_map(|row| number(&restored, &format!("row-{row}")))
                .max();
            assert!(
                newest >= Some(before),
                "{newest:?}, {before} were acknowledged before the backup began"
            );
            assert_no_gap(&restored, newest.unwrap());
        }
        running.store(0, Ordering::SeqCst);
    });
}

/// The number that a document shows.
fn number(store: &Store, id: &str) -> Option<u64> {
    let found = store.get(&shop(), &id.parse().unwrap()).unwrap()?;
    let body: serde_json::Value = serde_json::from_str(&found.shown.body.to_json()).unwrap();
    body["n"].as_u64()
}

/// All writes up to the newest are there: the newest of each row is among the last ones.
fn assert_no_gap(store: &Store, newest: u64) {
    for write in newest.saturating_sub(ROWS - 1).max(1)..=newest {
        let shown = number(store, &format!("row-{}", write % ROWS));
        assert_eq!(shown, Some(write), "of {newest} writes");
    }
}

#[test]
fn a_restored_directory_takes_a_new_identity_once_and_is_behind_its_peers() {
    let (directory, store, backup) = stored();
    let before = store.identity();
    let manifest = store.backup(&backup).unwrap();
    assert_eq!(manifest.datacenter, "east");
    assert_eq!(manifest.replica, before.replica.to_string());
    assert_eq!(manifest.databases.len(), 1);
    assert_eq!(manifest.databases[0].documents, 1);
    assert!(manifest.databases[0].knowledge.contains_key(&manifest.replica));
    put(&store, "lost", create("{}"));
    store.close().unwrap();
    drop(store);

    // The same path and host, and perhaps the same number of the file: only the mark tells.
    let data = directory.path().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    restore_backup(&backup, &data, None).unwrap();
    let restored = open_at(&data);
    assert_ne!(restored.identity().replica, before.replica);
    assert_ne!(restored.identity().incarnation, before.incarnation);
    assert_eq!(restored.behind(), ["south".parse().unwrap(), "west".parse().unwrap()]);
    assert!(number(&restored, "first").is_some() && number(&restored, "lost").is_none());
    put(&restored, "new", create("{}"));
    let identity = restored.identity();
    drop(restored);
    assert_eq!(open_at(&data).identity(), identity, "the mark counts once");

    // The backup is as it was, and can be restored again.
    let again = directory.path().join("again");
    restore_backup(&backup, &again, Some("east")).unwrap();
    assert_ne!(open_at(&again).identity().replica, identity.replica);
}

#[test]
fn what_is_no_complete_backup_is_refused_and_nothing_is_made_of_it() {
    let (directory, store, backup) = stored();
    store.backup(&backup).unwrap();
    let data = directory.path().join("restored");
    let refused = |change: &dyn Fn(&Path)| {
        let copy = directory.path().join("copy");
        copy_all(&backup, &copy);
        change(&copy);
        let refused = restore_backup(&copy, &data, None).unwrap_err();
        std::fs::remove_dir_all(&copy).unwrap();
        assert!(!data.exists(), "{refused}");
        refused
    };
    let manifest = |copy: &Path| copy.join("backup.json");
    let unfinished = refused(&|copy| std::fs::remove_file(manifest(copy)).unwrap());
    assert!(
        matches!(unfinished, BackupRestoreError::Incomplete { .. }),
        "{unfinished}"
    );
    let garbled = refused(&|copy| std::fs::write(manifest(copy), "{").unwrap());
    assert!(matches!(garbled, BackupRestoreError::Damaged { .. }), "{garbled}");
    let later = refused(&|copy| std::fs::write(manifest(copy), r#"{"format":2,"what":"ever"}"#).unwrap());
    assert!(matches!(later, BackupRestoreError::Format { found: 2, .. }), "{later}");
    let table = |copy: &Path| {
        let files = std::fs::read_dir(copy.join("data"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|end| end == "sst"))
            .min()
            .unwrap()
    };
    let missing = refused(&|copy| std::fs::remove_file(table(copy)).unwrap());
    assert!(missing.to_string().contains(".sst cannot be read"), "{missing}");
    let cut = refused(&|copy| {
        let table = std::fs::OpenOptions::new().write(true).open(table(copy)).unwrap();
        table.set_len(7).unwrap();
    });
    assert!(cut.to_string().contains("has 7 bytes"), "{cut}");
    let elsewhere = refused(&|copy| {
        let mut read = BackupManifest::read(copy).unwrap();
        read.files[0].name = "../backup.json".to_owned();
        std::fs::write(manifest(copy), serde_json::to_vec(&read).unwrap()).unwrap();
    });
    assert!(elsewhere.to_string().contains("that is elsewhere"), "{elsewhere}");
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_all(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[test]
fn a_backup_of_another_datacenter_and_a_directory_that_is_not_empty_are_refused() {
    let (directory, store, backup) = stored();
    store.backup(&backup).unwrap();
    let data = directory.path().join("restored");
    let refused = restore_backup(&backup, &data, Some("west")).unwrap_err();
    assert!(refused.to_string().contains("is of east, not of west"), "{refused}");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("notes.txt"), "mine").unwrap();
    let refused = restore_backup(&backup, &data, None).unwrap_err();
    assert!(matches!(refused, BackupRestoreError::NotEmpty { .. }), "{refused}");
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);
}

#[test]
fn a_backup_takes_the_place_of_nothing_and_a_failed_one_leaves_nothing() {
    let (directory, store, backup) = stored();
    std::fs::create_dir(&backup).unwrap();
    assert!(matches!(store.backup(&backup), Err(BackupError::Exists { .. })));
    assert!(backup.exists());
    let nowhere = directory.path().join("not/there");
    assert!(matches!(store.backup(&nowhere), Err(BackupError::Io { .. })));
    let memory = open(&Arc::new(MemoryEngine::new()), options("east"));
    let unmade = directory.path().join("unmade");
    assert!(matches!(memory.backup(&unmade), Err(BackupError::Engine(_))));
    assert!(!unmade.exists());
    assert!(store.commit(Vec::<Operation>::new()).is_empty(), "the store goes on");
}
