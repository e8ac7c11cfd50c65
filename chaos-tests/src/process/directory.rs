//! Where the files of a run lie.

use anyhow::Context;
use tempfile::TempDir;

/// What the directories of runs are called, before something that tells them apart.
pub const DIRECTORY_PREFIX: &str = "rejoin-";

/// A new directory that goes with everything in it when it is dropped.
///
/// # Errors
/// It cannot be created.
pub fn directory() -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(DIRECTORY_PREFIX)
        .tempdir()
        .context("no temporary directory")
}
