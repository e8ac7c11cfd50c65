//! Reads that look at a whole database.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs a read that may take seconds without holding up the other tasks of its thread.
///
/// On a runtime with one thread, as a simulation has, it simply runs: there nothing may move to another thread.
pub(crate) fn long_read<T>(read: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(read),
        _ => read(),
    }
}
