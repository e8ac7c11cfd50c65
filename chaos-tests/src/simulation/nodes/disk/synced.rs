//! Which part of each file a power cut would leave.
//!
//! A binary that simulates power cuts on real files defines `fsync` and `fdatasync` itself and calls [`SyncedLengths::note`] in place of syncing.
//! This library does not define them: a program that only links it must sync for real.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A file, whatever its name is at present. Numbers of removed files are given to new ones, so the time of birth counts too.
type FileKey = (u64, u64, Option<SystemTime>);

/// How long each file was when it was last synced.
#[derive(Debug, Default)]
pub struct SyncedLengths(Mutex<BTreeMap<FileKey, u64>>);

static SYNCED: SyncedLengths = SyncedLengths(Mutex::new(BTreeMap::new()));

/// The one table of this process.
pub fn synced() -> &'static SyncedLengths {
    &SYNCED
}

impl SyncedLengths {
    /// Notes that a descriptor was synced. Answers what `fsync` answers: 0.
    pub fn note(&self, descriptor: i32) -> i32 {
        let mut lengths = self.lengths();
        if let Ok(file) = fs::metadata(format!("/proc/self/fd/{descriptor}")) {
            lengths.insert(key(&file), file.len());
        }
        0
    }

    /// How many bytes of a file are safe.
    pub fn of(&self, file: &Metadata) -> u64 {
        self.lengths().get(&key(file)).copied().unwrap_or(0).min(file.len())
    }

    /// Marks a whole file as safe.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn mark_whole(&self, path: &Path) -> io::Result<()> {
        let file = fs::metadata(path)?;
        self.lengths().insert(key(&file), file.len());
        Ok(())
    }

    /// Whether this binary defines the functions: a file that is synced is noted.
    ///
    /// # Errors
    /// `directory` takes no file.
    pub fn are_noted(&self, directory: &Path) -> io::Result<bool> {
        let path = directory.join("is-it-noted");
        let mut file = File::create(&path)?;
        file.write_all(b"?")?;
        file.sync_all()?;
        let noted = self.of(&file.metadata()?) == 1;
        fs::remove_file(path)?;
        Ok(noted)
    }

    fn lengths(&self) -> MutexGuard<'_, BTreeMap<FileKey, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(file: &Metadata) -> FileKey {
    (file.dev(), file.ino(), file.created().ok())
}
