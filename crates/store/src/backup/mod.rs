//! Backups: a copy of a running node's files at one moment, and how a new data directory is made of one.
//!
//! ```text
//!   NAME/
//!     data/         the files of RocksDB: tables are hard links where the file system allows it
//!     backup.json   the manifest, written last: without it the backup is not complete
//! ```
//!
//! What was acknowledged before a backup was begun is in it, and it is one state: writes go on meanwhile, and of each of them all is in it or nothing.
//! A node that is started on what was restored goes on under a new replica id, since its peers may know more of its writes than it does.

mod create;
mod error;
mod manifest;
mod restore;

pub use error::{BackupError, BackupRestoreError};
pub use manifest::{BackedUpDatabase, BackupFile, BackupManifest};
pub use restore::restore_backup;

/// Where in a backup the files of RocksDB lie.
const DATA: &str = "data";

/// The manifest's file.
const MANIFEST: &str = "backup.json";
