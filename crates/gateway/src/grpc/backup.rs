//! Backups on demand, one at a time, below the directory that the configuration names: a caller gives a name, never a path.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rejoin_api::proto;
use rejoin_store::{BackupManifest, Store};
use tokio::sync::OwnedSemaphorePermit;

use super::error::Failure;
use crate::caught::Panicked;
use crate::node::NodeContext;

/// Bytes of a backup's name.
const NAME_BYTES_MAX: usize = 100;

/// Backups that are listed.
const LISTED_MAX: usize = 1_000;

/// Makes a backup. It goes on to its end when the client stops waiting.
///
/// # Errors
///
/// The node has no directory for backups, the name is none or taken, another backup is made, or the disk fails.
pub(super) async fn create(
    context: &NodeContext,
    call: &proto::CreateBackupRequest,
) -> Result<proto::CreateBackupResponse, Failure> {
    let directory = directory(context)?;
    let name = match call.name.as_str() {
        "" => by_time(context),
        name => checked(name)?,
    };
    let permit = Arc::clone(&context.backing_up).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::backup_running())?;
    let (store, path) = (context.store.clone(), directory.join(&name));
    let making = {
        let path = path.clone();
        context.tasks.spawn_blocking(move || make(&store, &path, permit))
    };
    let manifest = making.await.map_err(|_| Failure::from(Panicked))??;
    tracing::info!(backup = %path.display(), bytes = manifest.bytes(), "a backup was made");
    Ok(proto::CreateBackupResponse {
        backup: Some(complete(name, &path, &manifest)),
    })
}

fn make(store: &Store, path: &Path, permit: OwnedSemaphorePermit) -> Result<BackupManifest, Failure> {
    let made = store.backup(path);
    drop(permit);
    Ok(made?)
}

/// The backups of this node's directory.
///
/// # Errors
///
/// The node has no directory for backups, or it cannot be read.
pub(super) fn list(context: &NodeContext) -> Result<proto::ListBackupsResponse, Failure> {
    let directory = directory(context)?;
    let entries = fs::read_dir(&directory).map_err(|error| Failure::backup_directory(&directory, &error))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_dir()))
        .filter_map(|entry| checked(&entry.file_name().to_string_lossy()).ok())
        .collect();
    names.sort_unstable();
    let newest = names.len().saturating_sub(LISTED_MAX);
    let backups = names.into_iter().skip(newest).map(|name| {
        let path = directory.join(&name);
        match BackupManifest::read(&path) {
            Ok(manifest) => complete(name, &path, &manifest),
            Err(error) => proto::Backup {
                name,
                path: path.to_string_lossy().into_owned(),
                problem: error.to_string(),
                ..proto::Backup::default()
            },
        }
    });
    Ok(proto::ListBackupsResponse {
        backups: backups.collect(),
    })
}

fn directory(context: &NodeContext) -> Result<PathBuf, Failure> {
    let directory = context.settings.now().backup.directory.clone();
    match directory.as_os_str().is_empty() {
        true => Err(Failure::backup_unavailable()),
        false => Ok(directory),
    }
}

fn complete(name: String, path: &Path, manifest: &BackupManifest) -> proto::Backup {
    let databases = manifest.databases.iter().map(|database| proto::BackedUpDatabase {
        name: database.name.clone(),
        documents: database.documents,
    });
    proto::Backup {
        name,
        path: path.to_string_lossy().into_owned(),
        complete: true,
        problem: String::new(),
        datacenter: manifest.datacenter.clone(),
        begun_unix_ms: i64::try_from(manifest.begun_unix_ms).unwrap_or(i64::MAX),
        bytes: manifest.bytes(),
        databases: databases.collect(),
    }
}

/// The time in UTC, so that names are in the order in which the backups were made.
fn by_time(context: &NodeContext) -> String {
    let unix_ms = i64::try_from(context.links.port.now().unix_ms()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A name that means a directory right below another one, and nothing hidden.
fn checked(name: &str) -> Result<String, Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    match first && name.len() <= NAME_BYTES_MAX && name.bytes().all(allowed) {
        true => Ok(name.to_owned()),
        false => Err(Failure::backup_name(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["a", "20260131T120000Z", "before-upgrade_2.1", &"x".repeat(100)] {
            assert_eq!(checked(name).unwrap(), name);
        }
        for name in [
            "",
            ".",
            "..",
            "../a",
            "a/b",
            "/tmp/a",
            ".hidden",
            "-rf",
            "a b",
            "ä",
            "a\0",
            &"x".repeat(101),
        ] {
            assert!(checked(name).is_err(), "{name:?}");
        }
    }
}
