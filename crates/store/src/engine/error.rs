//! What can go wrong below the store.

use std::path::PathBuf;

/// The engine could not read or write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the storage engine failed to {operation}: {message}")]
pub struct EngineError {
    /// What was tried: `read`, `write`, …
    pub operation: &'static str,
    /// The engine's own words.
    pub message: String,
    /// Whether the disk had no room.
    pub no_space: bool,
}

impl EngineError {
    /// An error of `operation` with the engine's own message.
    pub fn new(operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            operation,
            message: message.into(),
            no_space: false,
        }
    }

    /// The same error, because the disk had no room.
    pub fn without_space(self) -> Self {
        Self { no_space: true, ..self }
    }
}

/// A directory could not be opened as a RocksDB store.
#[derive(Debug, thiserror::Error)]
pub enum RocksOpenError {
    /// Another process has the directory open.
    #[error(
        "the data directory {path} is in use by another process; stop that process, or choose another directory with --data"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds key families that this version does not know.
    #[error(
        "the data directory {path} was written by another version (it holds the unknown key family {family:?}); run that version, or start with an empty directory"
    )]
    UnknownFamily {
        /// The directory.
        path: PathBuf,
        /// The first family that is not known.
        family: String,
    },
    /// The directory holds something else.
    #[error(
        "the directory {path} is not empty and holds no data of a node ({found:?} is there); choose another one with --data"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Something that is in it.
        found: std::ffi::OsString,
    },
    /// The directory cannot be created or is none.
    #[error("cannot use {path} as the data directory; check that it is a directory and that this user may write in it")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The log cannot be written to tables.
    #[error(
        "the disk of the data directory {path} is full; nothing is damaged: make room on it, or move the directory to a larger one, and start again"
    )]
    NoSpace {
        /// The directory.
        path: PathBuf,
        /// What RocksDB said.
        #[source]
        source: EngineError,
    },
    /// RocksDB found something wrong.
    #[error(
        "cannot open the data directory {path}; if files are damaged, restore a backup or wipe it and let the peers refill it"
    )]
    Engine {
        /// The directory.
        path: PathBuf,
        /// What RocksDB said.
        #[source]
        source: EngineError,
    },
}
