//! Panics that are planted in tasks on purpose, so that what follows from one is seen to follow.
//!
//! A build without debug assertions has none of this: neither the switch nor the places that ask for it. The switch is a file in a directory that the
//! environment names, since what is to panic is a process of its own; the file is gone before the panic, so that the next process lives. This file
//! depends on nothing, so that a test can compile it alone, as a release would.

#![cfg(debug_assertions)]

use std::path::PathBuf;
use std::sync::OnceLock;

/// The variable of the environment that names the directory.
pub const VARIABLE: &str = "REJOIN_PLANTED_PANICS";

/// The pipeline before it commits a group.
pub const BEFORE_COMMIT: &str = "commit pipeline";

/// The pipeline when a group is durable, and nobody was told.
pub const BEFORE_ANSWERS: &str = "commit pipeline before its answers";

/// A call of a client, whichever comes next.
pub const CALL: &str = "call";

/// A step of what is named so.
///
/// # Panics
/// There is a file of that name in the directory.
pub fn step(place: &str) {
    static DIRECTORY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    if let Some(directory) = directory {
        assert!(
            std::fs::remove_file(directory.join(place)).is_err(),
            "planted in: {place}"
        );
    }
}
