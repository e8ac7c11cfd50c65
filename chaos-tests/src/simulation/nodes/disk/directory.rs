//! RocksDB in a directory, of which a power cut leaves what was synced and a random part of every tail.
//!
//! Not modelled: the loss of names of files, and of blocks before the end of a file.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rejoin_store::{Engine, RocksEngine, RocksOptions};
use tempfile::TempDir;

use super::synced;

/// A disk of real files.
pub struct DirectoryDisk {
    place: Arc<TempDir>,
    /// Directories that were made in `place`: one for each disk, power cut and copy.
    path: PathBuf,
}

impl DirectoryDisk {
    /// An empty disk.
    ///
    /// # Errors
    /// There is no room for temporary files, or this binary does not count syncs (see [`synced`]): then a power cut would take everything.
    pub fn new() -> anyhow::Result<Self> {
        let place = tempfile::tempdir().context("a simulated disk needs a temporary directory")?;
        anyhow::ensure!(
            synced().are_noted(place.path())?,
            "this binary does not define fsync: power cuts on real files are simulated by the tests only"
        );
        let path = place.path().join("0");
        fs::create_dir(&path)?;
        Ok(Self {
            place: Arc::new(place),
            path,
        })
    }

    pub(super) fn open(&self) -> anyhow::Result<Arc<dyn Engine>> {
        let options = RocksOptions {
            block_cache_bytes: 8 << 20,
            ..RocksOptions::default()
        };
        Ok(Arc::new(RocksEngine::open(&self.path, &options)?))
    }

    pub(super) fn cut_power(&mut self, random: &mut StdRng) -> anyhow::Result<()> {
        let seed = random.random();
        let left = self.next()?;
        copy_files(&self.path, &left, |name, safe, length| kept(seed, name, safe, length))?;
        // What is left was on the disk: the next cut leaves it whole.
        for entry in fs::read_dir(&left)? {
            synced().mark_whole(&entry?.path())?;
        }
        fs::remove_dir_all(&self.path)?;
        self.path = left;
        Ok(())
    }

    pub(super) fn copy(&self) -> anyhow::Result<Self> {
        let path = self.next()?;
        copy_files(&self.path, &path, |_, _, length| length)?;
        for entry in fs::read_dir(&path)? {
            synced().mark_whole(&entry?.path())?;
        }
        Ok(Self {
            place: Arc::clone(&self.place),
            path,
        })
    }

    fn next(&self) -> anyhow::Result<PathBuf> {
        let mut number = fs::read_dir(self.place.path())?.count();
        loop {
            let path = self.place.path().join(number.to_string());
            match fs::create_dir(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// How much of a file is left. Each file draws from randomness of its own: how long RocksDB's own log is must not matter to another file.
fn kept(seed: u64, name: &str, safe: u64, length: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut random = StdRng::seed_from_u64(seed ^ hasher.finish());
    safe + random.random_range(0..=length - safe)
}

fn copy_files(from: &Path, to: &Path, kept: impl Fn(&str, u64, u64) -> u64) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        // One that the engine has just removed is not needed.
        let Ok(file) = File::open(&path) else { continue };
        let metadata = file.metadata()?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let mut bytes = Vec::new();
        file.take(kept(&name, synced().of(&metadata), metadata.len()))
            .read_to_end(&mut bytes)?;
        fs::write(to.join(name), bytes)?;
    }
    Ok(())
}
