//! Why a backup is not made.

use std::io;
use std::path::Path;

use rejoin_api::Reason;
use rejoin_store::BackupError;

use super::{Failure, shortened};

impl Failure {
    /// The node is not told where backups go.
    pub fn backup_unavailable() -> Self {
        let message = "this node is not told where backups go; start it with `--backups DIR`, or with `directory` in the \
                       section `[backup]` of its configuration";
        Self::text(Reason::BackupUnavailable, message)
    }

    /// The directory of backups cannot be read.
    pub fn backup_directory(directory: &Path, error: &io::Error) -> Self {
        let message = format!(
            "the directory of backups {} cannot be read: {error}; create it, or correct `backup.directory`",
            directory.display()
        );
        Self::text(Reason::BackupUnavailable, message)
    }

    /// A second backup.
    pub fn backup_running() -> Self {
        Self::text(
            Reason::BackupRunning,
            "a backup is being made at this node; wait until it has ended",
        )
    }

    /// A name that could lead elsewhere.
    pub fn backup_name(text: &str) -> Self {
        let shown = shortened(text);
        let message = format!(
            "`{shown}` is no name for a backup: it has 1 to 100 letters, digits, dots, underscores and hyphens, a letter or \
             digit first; where backups go the node's configuration says"
        );
        Self::text(Reason::InvalidName, message).with("backup", shown)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let reason = match &error {
            BackupError::Exists { .. } => Reason::BackupExists,
            _ if error.is_without_space() => Reason::DiskFull,
            BackupError::Engine(_) | BackupError::Io { .. } => {
                tracing::error!(%error, "a backup failed");
                Reason::Storage
            }
        };
        Self::new(reason, &error)
    }
}
