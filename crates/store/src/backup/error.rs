//! Why a backup is not made, or not put back.

use std::path::{Path, PathBuf};

use crate::engine::{EngineError, RocksOpenError};
use crate::error::StoreError;

/// A backup was not made. What there was of it is removed again, as far as that is possible; what is left has no manifest, and is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something at the place.
    #[error("{} exists already; choose another name for the backup", .path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// The engine cannot make a copy of its files.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file cannot be written.
    #[error("cannot write the backup at {}; check that the directory is there and that this user may write in it", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A backup was not put back. The data directory is as it was, or has parts of it that no node starts on.
#[derive(Debug, thiserror::Error)]
pub enum BackupRestoreError {
    /// There is no manifest.
    #[error(
        "{} is no complete backup: it has no {}; it was not finished, or is something else: `rejoin backup list` tells which are complete", .path.display(), super::MANIFEST
    )]
    Incomplete {
        /// The directory.
        path: PathBuf,
    },
    /// A file is missing, or has another size than when the backup was made.
    #[error("the backup {} is damaged: {file} {problem}; use another one", .path.display())]
    Damaged {
        /// The directory of the backup.
        path: PathBuf,
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A later version made the backup.
    #[error("the backup {} has format {found}, and this version of rejoin reads format {expected}; use the version that made it", .path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// The backup's.
        found: u32,
        /// This version's.
        expected: u32,
    },
    /// The backup is of another datacenter's node.
    #[error(
        "the backup is of {found}, not of {expected}; restore one of {expected}, or let the peers fill an empty directory"
    )]
    OtherDatacenter {
        /// The backup's.
        found: String,
        /// The one that was asked for.
        expected: String,
    },
    /// The data directory is in use.
    #[error("{} is not empty; stop the node, move its old data directory away, and restore again", .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot copy {}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What was copied cannot be opened.
    #[error(transparent)]
    Open(#[from] RocksOpenError),
    /// What was copied cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Whether there was no room for it on the disk.
    pub fn is_without_space(&self) -> bool {
        match self {
            Self::Exists { .. } => false,
            Self::Engine(error) => error.no_space,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
        }
    }
}

impl BackupRestoreError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

impl From<EngineError> for BackupRestoreError {
    fn from(error: EngineError) -> Self {
        Self::Store(error.into())
    }
}
