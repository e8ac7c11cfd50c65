//! A disk that gives back something else than was written, or has lost a file: that is an error, never another answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{create_database, id, one, put, shop, update};
use rejoin_store::{Engine, Operation, RocksEngine, RocksOptions, Store, StoreOptions};

const DOCUMENTS: usize = 200;

/// Bits that are flipped in each file, evenly spread over it.
const FLIPS: usize = 24;

fn try_open(directory: &Path) -> Result<Store, String> {
    let engine = RocksEngine::open(directory, &RocksOptions::default()).map_err(|error| told(&error))?;
    let engine = Arc::new(engine) as Arc<dyn Engine>;
    Store::open(engine, StoreOptions::new("east".parse().unwrap())).map_err(|error| told(&error))
}

/// All that an error says, as a node prints it.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}

fn body(number: usize) -> String {
    format!(r#"{{"n":{number},"text":"{}"}}"#, "x".repeat(number * 7 % 200))
}

/// A data directory whose documents lie in the write-ahead log.
fn logged() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = try_open(directory.path()).unwrap();
    create_database(&store, "shop", &[]).unwrap();
    for number in 0..DOCUMENTS {
        put(&store, &format!("d{number}"), update(&body(number)));
    }
    store.close().unwrap();
    directory
}

/// A data directory whose documents lie in table files.
fn written() -> tempfile::TempDir {
    let directory = logged();
    // What the log holds is written to tables when it is read.
    drop(try_open(directory.path()).unwrap());
    directory
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn files(directory: &Path, of: fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| of(&path.file_name().unwrap().to_string_lossy()))
        .collect();
    files.sort();
    files
}

/// Reads every document. What is answered must be what was written.
///
/// # Panics
/// Something else was answered.
fn read_all(directory: &Path, what: &str) -> Result<(), String> {
    let store = try_open(directory)?;
    let mut failed = Ok(());
    for number in 0..DOCUMENTS {
        match store.get(&shop(), &id(&format!("d{number}"))) {
            Ok(found) => {
                let found = found.unwrap_or_else(|| panic!("{what}: d{number} is taken for absent"));
                assert_eq!(found.shown.body.to_json(), body(number), "{what}");
            }
            Err(error) => failed = Err(error.to_string()),
        }
    }
    failed
}

#[test]
fn a_flipped_bit_in_a_table_is_an_error_and_never_another_answer() {
    let directory = written();
    let (mut flipped, mut noticed) = (0, 0);
    for table in files(directory.path(), |name| name.ends_with(".sst")) {
        let name = table.file_name().unwrap();
        let length = fs::metadata(&table).unwrap().len() as usize;
        for flip in 0..FLIPS {
            let damaged = copy(directory.path());
            let path = damaged.path().join(name);
            let mut bytes = fs::read(&path).unwrap();
            let place = flip * (length - 1) / (FLIPS - 1);
            bytes[place] ^= 1 << (flip % 8);
            fs::write(&path, bytes).unwrap();
            let what = format!("{} at byte {place}", path.display());
            flipped += 1;
            noticed += usize::from(read_all(damaged.path(), &what).is_err());
        }
    }
    assert!(flipped >= FLIPS, "no table was written");
    assert!(noticed > 0, "of {flipped} flipped bits none was noticed");
    read_all(directory.path(), "undamaged").unwrap();
}

#[test]
fn a_missing_file_is_an_error_that_names_it_and_never_an_empty_store() {
    let directory = written();
    let needed = |name: &str| name.ends_with(".sst") || name.starts_with("MANIFEST-") || name == "CURRENT";
    let needed = files(directory.path(), needed);
    assert!(needed.len() >= 3, "{needed:?}");
    for file in needed {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let damaged = copy(directory.path());
        fs::remove_file(damaged.path().join(&name)).unwrap();
        let error = read_all(damaged.path(), &name).unwrap_err();
        // Without `CURRENT` it looks like somebody else's directory, and the files that are there are named.
        let number = name.trim_end_matches(".sst");
        assert!(error.contains(number) || name == "CURRENT", "{name}: {error}");
        let again = try_open(damaged.path());
        assert!(again.is_err(), "{name}: the next start begins anew");
    }
    // A store that is opened by force of habit is still whole.
    let store = try_open(directory.path()).unwrap();
    one(&store, Operation::Prune { database: shop() }).unwrap();
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_refused_and_takes_no_write_away_in_silence() {
    let directory = logged();
    let logs = files(directory.path(), |name| name.ends_with(".log"));
    let (mut flipped, mut refused) = (0, 0);
    for log in logs.iter().filter(|log| fs::metadata(log).unwrap().len() > 0) {
        let length = fs::metadata(log).unwrap().len() as usize;
        let flips = 4 * FLIPS;
        for flip in 0..flips {
            let damaged = copy(directory.path());
            let path = damaged.path().join(log.file_name().unwrap());
            let mut bytes = fs::read(&path).unwrap();
            let place = flip * (length - 1) / (flips - 1);
            bytes[place] ^= 1 << (flip % 8);
            fs::write(&path, bytes).unwrap();
            flipped += 1;
            refused += usize::from(read_all(damaged.path(), &format!("byte {place}")).is_err());
        }
    }
    assert!(flipped > 0, "nothing was logged");
    assert!(
        refused * 2 > flipped,
        "of {flipped} flipped bits {refused} were noticed"
    );
    read_all(directory.path(), "undamaged").unwrap();
}

#[test]
fn a_flipped_bit_in_the_manifest_is_refused_or_changes_no_answer() {
    let directory = written();
    let current = fs::read_to_string(directory.path().join("CURRENT")).unwrap();
    let length = fs::metadata(directory.path().join(current.trim())).unwrap().len() as usize;
    // Its end may look like what a power cut leaves.
    let spread = (0..4 * FLIPS).map(|flip| flip * (length - 1) / (4 * FLIPS - 1));
    let places: std::collections::BTreeSet<usize> = spread.chain(length.saturating_sub(64)..length).collect();
    let mut refused = 0;
    for place in &places {
        let damaged = copy(directory.path());
        let path = damaged.path().join(current.trim());
        let mut bytes = fs::read(&path).unwrap();
        bytes[*place] ^= 1 << (place % 8);
        fs::write(&path, bytes).unwrap();
        refused += usize::from(read_all(damaged.path(), &format!("byte {place} of {length}")).is_err());
    }
    assert!(
        refused * 2 > places.len(),
        "of {} flipped bits {refused} were noticed",
        places.len()
    );
}

#[test]
fn a_flipped_bit_that_makes_a_record_of_the_log_look_cut_off_is_refused() {
    let directory = logged();
    let logs = files(directory.path(), |name| name.ends_with(".log"));
    let log = logs.iter().find(|log| fs::metadata(log).unwrap().len() > 0).unwrap();
    let whole = fs::read(log).unwrap();
    // The records of the first block: header of 7 bytes, in which the length is the fifth and sixth.
    let (mut records, mut place) = (Vec::new(), 0);
    while place + 7 < whole.len().min(32 << 10) {
        records.push(place);
        place += 7 + usize::from(u16::from_le_bytes([whole[place + 4], whole[place + 5]]));
    }
    assert!(records.len() > FLIPS, "{records:?}");
    for record in records.iter().step_by(records.len() / FLIPS) {
        for (byte, bit) in [(5, 0x80), (6, 0x04), (6, 0x80)] {
            let damaged = copy(directory.path());
            let path = damaged.path().join(log.file_name().unwrap());
            let mut bytes = whole.clone();
            bytes[record + byte] ^= bit;
            fs::write(&path, bytes).unwrap();
            let error = read_all(damaged.path(), "a record that looks cut off").unwrap_err();
            for expected in ["a bit has flipped", &*path.to_string_lossy(), "restore a backup"] {
                assert!(error.contains(expected), "{expected} is not in: {error}");
            }
        }
    }
}
