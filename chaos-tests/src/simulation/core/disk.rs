//! A disk in memory that fails when it is told to, and loses what was not synced when the power does.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rejoin_store::{Batch, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, Read};

use crate::simulation::planted::is_without_sync;

/// What is to go wrong with the next synced write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// It is not on the disk.
    Lost,
    /// It is, and nobody is told.
    Written,
}

/// Files that survive the end of the process; of those that were not synced a power cut leaves as much as it likes.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: MemoryEngine,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failing: Option<Failing>,
    full: bool,
    /// How each write since the last sync is taken back. A copy of the files would have to be made after every sync.
    unsynced: Vec<Batch>,
}

impl Disk {
    /// A disk with these files on it, all of them synced.
    pub(super) fn of(files: MemoryEngine) -> Self {
        Self {
            files,
            state: Mutex::default(),
        }
    }

    /// A copy of the files.
    pub(super) fn copy(&self) -> MemoryEngine {
        self.files.clone()
    }

    /// The next synced write fails.
    pub(super) fn fail_next(&self, failing: Failing) {
        self.state().failing = Some(failing);
    }

    /// Nothing fails any more: the process that was in the middle of it is gone.
    pub(super) fn mend(&self) {
        self.state().failing = None;
    }

    /// There is no space, or there is again.
    pub(super) fn fill(&self, full: bool) {
        self.state().full = full;
    }

    /// Whether there is no space.
    pub(super) fn is_full(&self) -> bool {
        self.state().full
    }

    /// The files after a power cut: what was synced, and the first so many of the writes since, in percent.
    pub(super) fn after_power_cut(&self, percent: usize) -> MemoryEngine {
        let (state, left) = (self.state(), self.files.clone());
        let kept = state.unsynced.len() * percent / 100;
        for taken_back in state.unsynced[kept..].iter().rev() {
            // A memory engine does not fail.
            let _ = left.write(taken_back.clone(), Durability::Synced);
        }
        left
    }

    /// What puts everything back that a batch changes.
    fn undo(&self, batch: &Batch) -> Result<Batch, EngineError> {
        let mut undo = Batch::new();
        for change in batch.changes() {
            match self.files.get(change.family, &change.key)? {
                Some(value) => undo.put(change.family, change.key.clone(), value),
                None => undo.delete(change.family, change.key.clone()),
            }
        }
        Ok(undo)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Disk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.files.get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.files.multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.files.scan(family, range)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.files.scan_back(family, range)
    }
}

impl Engine for Disk {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.files.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        let mut state = self.state();
        let failing = match durability {
            Durability::Synced => state.failing.take(),
            Durability::Buffered => None,
        };
        if failing == Some(Failing::Lost) {
            return Err(EngineError::new("sync", "planned"));
        }
        if durability == Durability::Buffered || is_without_sync() {
            state.unsynced.push(self.undo(&batch)?);
        } else {
            state.unsynced.clear();
        }
        self.files.write(batch, durability)?;
        match failing {
            Some(_) => Err(EngineError::new("sync", "planned")),
            None => Ok(()),
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        self.state().full.then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(disk: &Disk, key: &[u8], durability: Durability) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        batch.put(Family::Meta, key.to_vec(), vec![1]);
        disk.write(batch, durability)
    }

    fn has(files: &MemoryEngine, key: &[u8]) -> bool {
        files.get(Family::Meta, key).unwrap().is_some()
    }

    #[test]
    fn a_power_cut_takes_what_was_not_synced_from_its_end() {
        let disk = Disk::default();
        put(&disk, b"a", Durability::Synced).unwrap();
        put(&disk, b"b", Durability::Buffered).unwrap();
        put(&disk, b"c", Durability::Buffered).unwrap();
        let left = disk.after_power_cut(50);
        assert!(has(&left, b"a") && has(&left, b"b") && !has(&left, b"c"));
        assert!(has(&disk.copy(), b"c"), "the end of a process takes nothing");
        put(&disk, b"d", Durability::Synced).unwrap();
        assert!(has(&disk.after_power_cut(0), b"c"));
    }

    #[cfg(debug_assertions)]
    #[test]
    fn a_disk_that_only_claims_to_sync_loses_what_it_promised() {
        let _planted = rejoin_document::planted::plant(rejoin_document::planted::Bug::NoSync);
        let disk = Disk::default();
        put(&disk, b"a", Durability::Synced).unwrap();
        assert!(has(&disk.copy(), b"a") && !has(&disk.after_power_cut(0), b"a"));
    }

    #[test]
    fn a_write_that_fails_is_there_or_not() {
        let disk = Disk::default();
        disk.fail_next(Failing::Lost);
        put(&disk, b"a", Durability::Synced).unwrap_err();
        disk.fail_next(Failing::Written);
        put(&disk, b"b", Durability::Synced).unwrap_err();
        put(&disk, b"c", Durability::Synced).unwrap();
        assert!(!has(&disk.copy(), b"a") && has(&disk.copy(), b"b"));
    }
}
