//! A disk in memory that knows what was synced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::RngExt;
use rand::rngs::StdRng;
use rejoin_store::{Batch, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, Read};

use crate::simulation::planted::is_without_sync;

/// A disk in memory. Clones are one disk; see [`MemoryDisk::copy`].
#[derive(Clone)]
pub struct MemoryDisk {
    written: Arc<MemoryEngine>,
    platter: Arc<Mutex<Platter>>,
}

/// What a power cut leaves, and the batches that it may take.
struct Platter {
    safe: MemoryEngine,
    unsynced: Vec<Batch>,
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::holding(MemoryEngine::new())
    }

    fn holding(engine: MemoryEngine) -> Self {
        let platter = Platter {
            safe: engine.clone(),
            unsynced: Vec::new(),
        };
        Self {
            written: Arc::new(engine),
            platter: Arc::new(Mutex::new(platter)),
        }
    }

    /// Another disk with the same contents, all of them safe.
    pub fn copy(&self) -> Self {
        Self::holding(MemoryEngine::clone(&self.written))
    }

    /// What is left: all that was synced, and the first of the batches that were not.
    pub fn cut_power(&mut self, random: &mut StdRng) {
        let left = {
            let mut platter = self.platter();
            let kept = random.random_range(0..=platter.unsynced.len());
            let batches: Vec<Batch> = platter.unsynced.drain(..).take(kept).collect();
            for batch in batches {
                // A map in memory takes every batch.
                let _ = platter.safe.write(batch, Durability::Synced);
            }
            platter.safe.clone()
        };
        *self = Self::holding(left);
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for MemoryDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.written.get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.written.multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.written.scan(family, range)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.written.scan_back(family, range)
    }
}

impl Engine for MemoryDisk {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.written.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        let mut platter = self.platter();
        platter.unsynced.push(batch.clone());
        if durability == Durability::Synced && !is_without_sync() {
            for batch in std::mem::take(&mut platter.unsynced) {
                platter.safe.write(batch, durability)?;
            }
        }
        self.written.write(batch, durability)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn put(disk: &MemoryDisk, key: u8, durability: Durability) {
        let mut batch = Batch::new();
        batch.put(Family::Meta, vec![key], vec![key]);
        disk.write(batch, durability).unwrap();
    }

    fn keys(disk: &MemoryDisk) -> Vec<u8> {
        let entries = disk.scan(Family::Meta, KeyRange::prefix(b""));
        entries.map(|entry| entry.unwrap().0[0]).collect()
    }

    #[test]
    fn a_power_cut_takes_a_tail_of_what_was_not_synced() {
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let mut disk = MemoryDisk::new();
            put(&disk, 1, Durability::Buffered);
            put(&disk, 2, Durability::Synced);
            (3..6).for_each(|key| put(&disk, key, Durability::Buffered));
            assert_eq!(keys(&disk), [1, 2, 3, 4, 5], "it shows what was written");
            disk.cut_power(&mut StdRng::seed_from_u64(seed));
            let left = keys(&disk);
            assert_eq!(left, (1..=u8::try_from(left.len()).unwrap()).collect::<Vec<_>>());
            lengths.insert(left.len());
        }
        assert_eq!(lengths, (2..=5).collect());
    }

    #[cfg(debug_assertions)]
    #[test]
    fn a_disk_that_only_claims_to_sync_loses_what_it_promised() {
        let _planted = rejoin_document::planted::plant(rejoin_document::planted::Bug::NoSync);
        let lost = (0..20).filter(|seed| {
            let mut disk = MemoryDisk::new();
            put(&disk, 1, Durability::Synced);
            disk.cut_power(&mut StdRng::seed_from_u64(*seed));
            keys(&disk).is_empty()
        });
        assert!(lost.count() > 0);
    }

    #[test]
    fn a_copy_is_another_disk() {
        let disk = MemoryDisk::new();
        put(&disk, 1, Durability::Synced);
        let copy = disk.copy();
        put(&disk, 2, Durability::Synced);
        assert_eq!((keys(&disk), keys(&copy)), (vec![1, 2], vec![1]));
    }
}
