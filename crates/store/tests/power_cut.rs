//! The power fails, again and again, and every acknowledged write is found.
//!
//! A killed process loses nothing that the system has in its page cache, so killing one does not test syncs. This binary defines `fsync` and
//! `fdatasync` itself: they note how long each file was and sync nothing. At a power cut the disk holds each file up to there, and a random part
//! of what was written after it. What is not modelled: the loss of names of files, and of blocks before the end of a file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "functions that replace those of the C library have its names")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use common::{create_database, id, options, put, shop, update, verify};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rejoin_document::Revision;
use rejoin_store::{Engine, RocksEngine, RocksOptions, Store};

/// How many bytes of which file, by its inode, are safe.
static SYNCED: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());

const CUTS: u64 = 40;
const WRITES: u64 = 150;

fn note(descriptor: i32) -> i32 {
    let mut synced = SYNCED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(file) = fs::metadata(format!("/proc/self/fd/{descriptor}")) {
        synced.insert(file.ino(), file.len());
    }
    0
}

#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: i32) -> i32 {
    note(descriptor)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: i32) -> i32 {
    note(descriptor)
}

/// What is left of a directory on the disk. No sync ends meanwhile, so that all files are of one moment, though the engine goes on in the background.
fn cut(from: &Path, to: &Path, random: &mut StdRng) {
    fs::create_dir_all(to).unwrap();
    let synced = SYNCED.lock().unwrap_or_else(PoisonError::into_inner);
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        // One that the engine has just removed is not needed.
        let Ok(file) = File::open(&path) else { continue };
        let metadata = file.metadata().unwrap();
        let safe = synced.get(&metadata.ino()).copied().unwrap_or(0).min(metadata.len());
        let kept = safe + random.random_range(0..=metadata.len() - safe);
        let mut bytes = Vec::new();
        file.take(kept).read_to_end(&mut bytes).unwrap();
        fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
    }
    drop(synced);
    // What is left was on the disk: the next cut leaves it whole.
    for entry in fs::read_dir(to).unwrap() {
        File::open(entry.unwrap().path()).unwrap().sync_all().unwrap();
    }
}

fn open(directory: &Path) -> Store {
    let engine = Arc::new(RocksEngine::open(directory, &RocksOptions::default()).unwrap()) as Arc<dyn Engine>;
    Store::open(engine, options("east")).unwrap()
}

#[test]
fn every_acknowledged_write_survives_power_cuts_with_torn_tails() {
    let place = tempfile::tempdir().unwrap();
    let disk = |number: u64| place.path().join(number.to_string());
    let mut random = StdRng::seed_from_u64(7);
    let mut acknowledged: BTreeMap<String, Revision> = BTreeMap::new();
    for number in 0..CUTS {
        let store = open(&disk(number));
        let _ = create_database(&store, "shop", &[]);
        for (name, revision) in &acknowledged {
            let found = store.get(&shop(), &id(name)).unwrap();
            assert!(
                found.is_some_and(|found| found.shown.revision == *revision),
                "{name} is lost after cut {number}"
            );
        }
        verify(&store, &shop());
        for n in 0..random.random_range(1..=WRITES) {
            let name = format!("document-{}", random.random_range(0..60));
            let written = put(&store, &name, update(&format!(r#"{{"cut":{number},"n":{n}}}"#)));
            acknowledged.insert(name, written.revision);
        }
        cut(&disk(number), &disk(number + 1), &mut random);
    }
    assert!(acknowledged.len() > 50);
    assert!(
        !SYNCED.lock().unwrap().is_empty(),
        "the syncs of the engine were not seen"
    );
}
