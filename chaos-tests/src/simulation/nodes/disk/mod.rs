//! The disks of simulated machines: what a crash leaves, what a power cut takes, what a backup brings back.
//!
//! A crash takes nothing that was written; a power cut takes what was not synced, down to a random part of it, never from the middle.

mod directory;
mod hooks;
mod memory;
mod synced;

use std::sync::Arc;

use rand::rngs::StdRng;
use rejoin_store::Engine;

pub use directory::DirectoryDisk;
pub(super) use hooks::{Hooks, Moment, Refusal};
pub use memory::MemoryDisk;
pub use synced::{SyncedLengths, synced};

/// The disk of one machine.
pub(super) enum Disk {
    /// Maps in memory that know what was synced.
    Memory(MemoryDisk),
    /// RocksDB in a directory; the binary counts syncs in place of the system.
    Directory(DirectoryDisk),
}

/// What a disk held at some time.
pub(super) enum Backup {
    Memory(MemoryDisk),
    Directory(DirectoryDisk),
}

impl Disk {
    /// Opens it: what the node of the machine runs on.
    ///
    /// # Errors
    /// The engine does not start from what is there.
    pub(super) fn open(&self, hooks: &Hooks) -> anyhow::Result<Arc<dyn Engine>> {
        let engine = match self {
            Self::Memory(disk) => Arc::new(disk.clone()),
            Self::Directory(disk) => disk.open()?,
        };
        Ok(Arc::new(hooks::Hooked::new(engine, hooks.clone())))
    }

    /// Takes what was not synced. No engine may be open.
    ///
    /// # Errors
    /// The directory cannot be copied.
    pub(super) fn cut_power(&mut self, random: &mut StdRng) -> anyhow::Result<()> {
        match self {
            Self::Memory(disk) => disk.cut_power(random),
            Self::Directory(disk) => disk.cut_power(random)?,
        }
        Ok(())
    }

    /// A copy of what is there. No engine may be open on a directory.
    ///
    /// # Errors
    /// The directory cannot be copied.
    pub(super) fn back_up(&self) -> anyhow::Result<Backup> {
        Ok(match self {
            Self::Memory(disk) => Backup::Memory(disk.copy()),
            Self::Directory(disk) => Backup::Directory(disk.copy()?),
        })
    }

    /// Puts a copy in the place of what is there. No engine may be open.
    pub(super) fn restore(&mut self, backup: Backup) {
        *self = match backup {
            Backup::Memory(disk) => Self::Memory(disk),
            Backup::Directory(disk) => Self::Directory(disk),
        };
    }
}
