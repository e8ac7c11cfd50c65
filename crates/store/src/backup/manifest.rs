//! What a backup says of itself: the file that makes it complete.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BackupError, BackupRestoreError, DATA, MANIFEST};

/// The format of backups.
const FORMAT: u32 = 1;

/// The manifest of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// The format of the backup.
    pub format: u32,
    /// The format of the data directory in it.
    pub data_format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// Whose data they are.
    pub datacenter: String,
    /// Under which replica id they were written, in hex.
    pub replica: String,
    /// When it was begun: milliseconds since 1970. What was acknowledged before is in it.
    pub begun_unix_ms: u64,
    /// The databases in ascending order of their names, as they were when it was begun.
    pub databases: Vec<BackedUpDatabase>,
    /// The files in ascending order of their names.
    pub files: Vec<BackupFile>,
}

/// A database in a backup. There may be more of it: writes went on while the backup was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUpDatabase {
    /// Its name.
    pub name: String,
    /// Documents that are not deleted.
    pub documents: u64,
    /// Every write that is in it: up to which time (NTP64, in decimal) of each replica (in hex).
    pub knowledge: BTreeMap<String, String>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

impl BackupManifest {
    /// What this version puts into a manifest.
    pub(super) const FORMAT: u32 = FORMAT;

    /// Reads the manifest of a backup, and looks whether all its files are there with the sizes that they had. What is in them RocksDB checks when it reads
    /// them.
    ///
    /// # Errors
    /// [`BackupRestoreError`]: the directory holds no complete backup, a damaged one, or one of a later version.
    pub fn read(backup: &Path) -> Result<Self, BackupRestoreError> {
        let path = backup.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupRestoreError::Incomplete { path: backup.into() });
            }
            Err(error) => return Err(BackupRestoreError::io(&path)(error)),
        };
        let damaged = |file: &str, problem: String| BackupRestoreError::Damaged {
            path: backup.into(),
            file: file.to_owned(),
            problem,
        };
        // Of a later version only the number is looked at.
        let numbered: Numbered =
            serde_json::from_slice(&text).map_err(|error| damaged(MANIFEST, format!("cannot be read ({error})")))?;
        if numbered.format != FORMAT {
            return Err(BackupRestoreError::Format {
                path: backup.into(),
                found: numbered.format,
                expected: FORMAT,
            });
        }
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| damaged(MANIFEST, format!("cannot be read ({error})")))?;
        for file in &manifest.files {
            if Path::new(&file.name).file_name() != Some(file.name.as_ref()) {
                return Err(damaged(
                    MANIFEST,
                    format!("names a file `{}` that is elsewhere", file.name),
                ));
            }
            let bytes = fs::metadata(backup.join(DATA).join(&file.name)).map(|found| found.len());
            match bytes {
                Ok(bytes) if bytes == file.bytes => {}
                Ok(bytes) => {
                    return Err(damaged(&file.name, format!("has {bytes} bytes, it had {}", file.bytes)));
                }
                Err(error) => return Err(damaged(&file.name, format!("cannot be read ({error})"))),
            }
        }
        Ok(manifest)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Completes a backup: when this returns, it survives a power cut.
    pub(super) fn write(&self, backup: &Path) -> Result<(), BackupError> {
        let (path, unfinished) = (backup.join(MANIFEST), backup.join("backup.json.tmp"));
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| BackupError::io(&path)(error.into()))?;
        text.push(b'\n');
        let mut file = File::create(&unfinished).map_err(BackupError::io(&unfinished))?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        written.map_err(BackupError::io(&unfinished))?;
        fs::rename(&unfinished, &path).map_err(BackupError::io(&path))?;
        sync_directory(backup).map_err(BackupError::io(backup))
    }
}

/// What every version puts into a manifest.
#[derive(Deserialize)]
struct Numbered {
    format: u32,
}

/// The names in a directory survive a power cut.
pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
