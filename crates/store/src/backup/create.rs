//! Makes a backup of a running store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use super::manifest::{BackedUpDatabase, BackupFile, BackupManifest, sync_directory};
use super::{BackupError, DATA};
use crate::keys::meta;
use crate::state::NodeState;
use crate::store::Store;

impl Store {
    /// Makes a backup at `backup`, a directory that must not be there yet in one that is. What was acknowledged before the call is in it; when this returns,
    /// it survives a power cut. Reads and writes go on meanwhile. Blocks the thread until what is in memory is written to tables, and the tables are linked
    /// or, on another file system, copied.
    ///
    /// # Errors
    /// [`BackupError`]: there is no backup.
    pub fn backup(&self, backup: &Path) -> Result<BackupManifest, BackupError> {
        match fs::create_dir(backup) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path: backup.into() });
            }
            Err(error) => return Err(BackupError::io(backup)(error)),
        }
        let made = self.fill_backup(backup);
        if made.is_err() {
            // What cannot be removed has no manifest, and is told from a backup by that.
            let _ = fs::remove_dir_all(backup);
        }
        made
    }

    fn fill_backup(&self, backup: &Path) -> Result<BackupManifest, BackupError> {
        let begun = rejoin_document::HlcTime((self.options().clock)().as_u64());
        // All of it is on the disk, so it is in the copy.
        let state = self.state();
        let data = backup.join(DATA);
        self.engine().checkpoint(&data)?;
        let manifest = BackupManifest {
            format: BackupManifest::FORMAT,
            data_format: meta::FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            datacenter: state.identity.datacenter.to_string(),
            replica: state.identity.replica.to_string(),
            begun_unix_ms: begun.unix_ms(),
            databases: databases(&state),
            files: files(&data)?,
        };
        manifest.write(backup)?;
        if let Some(above) = backup.parent() {
            sync_directory(above).map_err(BackupError::io(above))?;
        }
        Ok(manifest)
    }
}

fn databases(state: &NodeState) -> Vec<BackedUpDatabase> {
    let user = state.databases.iter().filter(|(name, _)| !name.is_system());
    let databases = user.map(|(name, database)| {
        let knowledge = database.record.knowledge.iter();
        let knowledge: BTreeMap<_, _> = knowledge
            .map(|(replica, time)| (replica.to_string(), time.0.to_string()))
            .collect();
        BackedUpDatabase {
            name: name.to_string(),
            documents: database.record.documents,
            knowledge,
        }
    });
    databases.collect()
}

/// The files of a copy, which are synced: the engine does that with those that it copies, and has done it with those that it links.
fn files(data: &Path) -> Result<Vec<BackupFile>, BackupError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(data).map_err(BackupError::io(data))? {
        let path = entry.map_err(BackupError::io(data))?.path();
        let file = File::open(&path).map_err(BackupError::io(&path))?;
        file.sync_all().map_err(BackupError::io(&path))?;
        let bytes = file.metadata().map_err(BackupError::io(&path))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(BackupFile { name, bytes });
    }
    sync_directory(data).map_err(BackupError::io(data))?;
    files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}
