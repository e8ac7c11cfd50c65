//! Table files that nothing refers to: what a process was writing when it was killed. `RocksDB` removes them once it is open, and on a disk that is
//! nearly full it cannot open beside them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};

/// Removes the table files of a directory that nobody has open, but for those with the numbers that `live` finds, and tells how many bytes they had.
/// Its lock is held from before `live` looks: no other process makes tables meanwhile. This one must not have the directory open itself, since the end
/// of the lock ends all that it holds on the file.
///
/// # Errors
/// Another process has the directory open, `live` fails, or a file cannot be removed.
pub(super) fn remove_tables_but(directory: &Path, live: impl FnOnce() -> io::Result<BTreeSet<u64>>) -> io::Result<u64> {
    let lock = File::options().write(true).open(directory.join("LOCK"))?;
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    let (live, mut bytes) = (live()?, 0);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if table_number(&entry.file_name().to_string_lossy()).is_some_and(|number| !live.contains(&number)) {
            bytes += entry.metadata()?.len();
            fs::remove_file(entry.path())?;
        }
    }
    Ok(bytes)
}

/// The number of a table file, of which `name` may begin with a slash.
pub(super) fn table_number(name: &str) -> Option<u64> {
    name.trim_start_matches('/').strip_suffix(".sst")?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_tables_without_use_go_and_their_bytes_are_told() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["LOCK", "CURRENT", "000007.sst", "000008.sst", "000009.log", "notes.sst"] {
            fs::write(directory.path().join(name), "12345").unwrap();
        }
        let live = || Ok(BTreeSet::from_iter(table_number("/000007.sst")));
        assert_eq!(remove_tables_but(directory.path(), live).unwrap(), 5);
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["000007.sst", "000009.log", "CURRENT", "LOCK", "notes.sst"]);
    }
}
