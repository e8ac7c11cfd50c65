//! Makes a data directory of a backup, while no node runs on it.

use std::fs::{self, File};
use std::path::Path;

use super::manifest::{BackupManifest, sync_directory};
use super::{BackupRestoreError, DATA, MANIFEST};
use crate::engine::{Batch, Durability, Engine, Family, Read, RocksEngine, RocksOptions};
use crate::keys::meta;

/// Copies a backup into `data`, which must be empty or missing, and marks it: the node that is started on it takes a new replica id, serves at once, and gets
/// the writes that it lost back from its peers. When this returns, all of it survives a power cut. `datacenter` is whose data are expected.
///
/// # Errors
/// [`BackupRestoreError`] says what an operator should do.
pub fn restore_backup(
    backup: &Path,
    data: &Path,
    datacenter: Option<&str>,
) -> Result<BackupManifest, BackupRestoreError> {
    let manifest = BackupManifest::read(backup)?;
    if let Some(expected) = datacenter.filter(|expected| *expected != manifest.datacenter) {
        return Err(BackupRestoreError::OtherDatacenter {
            found: manifest.datacenter,
            expected: expected.to_owned(),
        });
    }
    make_empty(data)?;
    for file in manifest.files.iter().filter(|file| file.name != CURRENT) {
        copy(&backup.join(DATA).join(&file.name), &data.join(&file.name))?;
    }
    // What names the others comes last: a directory without it holds nothing, and no node starts on a half of it.
    copy(&backup.join(DATA).join(CURRENT), &data.join(CURRENT))?;
    // A node must not take it for a directory that merely lies elsewhere now.
    mark(data, backup).inspect_err(|_| drop(fs::remove_file(data.join(CURRENT))))?;
    sync_directory(data).map_err(BackupRestoreError::io(data))?;
    if let Some(above) = data.parent().filter(|above| !above.as_os_str().is_empty()) {
        sync_directory(above).map_err(BackupRestoreError::io(above))?;
    }
    Ok(manifest)
}

/// By this file RocksDB finds all others.
const CURRENT: &str = "CURRENT";

fn make_empty(data: &Path) -> Result<(), BackupRestoreError> {
    fs::create_dir_all(data).map_err(BackupRestoreError::io(data))?;
    for entry in fs::read_dir(data).map_err(BackupRestoreError::io(data))? {
        // A fresh file system has this one.
        if entry.map_err(BackupRestoreError::io(data))?.file_name() != "lost+found" {
            return Err(BackupRestoreError::NotEmpty { path: data.into() });
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupRestoreError> {
    fs::copy(from, to).map_err(BackupRestoreError::io(from))?;
    let copied = File::open(to).and_then(|file| file.sync_all());
    copied.map_err(BackupRestoreError::io(to))
}

/// Opening it shows as well that its files belong together.
fn mark(data: &Path, backup: &Path) -> Result<(), BackupRestoreError> {
    let engine = RocksEngine::open(data, &RocksOptions::default())?;
    if engine.get(Family::Meta, meta::IDENTITY_KEY)?.is_none() {
        return Err(BackupRestoreError::Damaged {
            path: backup.into(),
            file: MANIFEST.to_owned(),
            problem: "belongs to files of no node".to_owned(),
        });
    }
    let mut batch = Batch::new();
    let from = backup.to_string_lossy();
    batch.put(Family::Meta, meta::RESTORED_KEY.to_vec(), meta::encode_restored(&from));
    Ok(engine.write(batch, Durability::Synced)?)
}
