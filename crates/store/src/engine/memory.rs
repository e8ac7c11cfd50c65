//! An engine in memory, for the simulator and for tests. A clone is a deep copy: a backup of the disk.
//!
//! Snapshots copy nothing: the maps are shared until they are written again.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Batch, Durability, Engine, EngineError, Entries, Entry, Family, KeyRange, Mutation, Read};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The families of an engine at one moment.
#[derive(Debug, Clone, Default)]
struct Families(BTreeMap<Family, Arc<Map>>);

/// Ordered maps behind a lock.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    families: RwLock<Families>,
}

impl MemoryEngine {
    /// An empty engine.
    pub fn new() -> Self {
        Self::default()
    }

    fn current(&self) -> Families {
        // A panic elsewhere cannot leave the maps half changed: a batch is applied to a copy that is put in place whole.
        self.families.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Clone for MemoryEngine {
    fn clone(&self) -> Self {
        Self {
            families: RwLock::new(self.current()),
        }
    }
}

impl Families {
    fn apply(&mut self, batch: Batch) {
        for change in batch.changes() {
            let map = Arc::make_mut(self.0.entry(change.family).or_default());
            match &change.mutation {
                Mutation::Put(value) => map.insert(change.key.clone(), value.clone()),
                Mutation::Delete | Mutation::SingleDelete => map.remove(&change.key),
            };
        }
    }
}

impl Families {
    fn entries(&self, family: Family, range: KeyRange) -> impl DoubleEndedIterator<Item = Entry> {
        let map = self.0.get(&family).filter(|_| !range.is_empty());
        map.into_iter().flat_map(move |map| {
            let to = range.to.clone().map_or(Bound::Unbounded, Bound::Excluded);
            map.range((Bound::Included(range.from.clone()), to)).map(entry)
        })
    }
}

impl Read for Families {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.0.get(&family).and_then(|map| map.get(key)).cloned())
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        keys.iter().map(|key| self.get(family, key)).collect()
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(self.entries(family, range).map(Ok))
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(self.entries(family, range).rev().map(Ok))
    }
}

impl Read for MemoryEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.families
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.current().multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(Frozen::new(self.current(), family, range))
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(FrozenBack(Frozen::new(self.current(), family, range)))
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        Box::new(self.current())
    }

    fn write(&self, batch: Batch, _durability: Durability) -> Result<(), EngineError> {
        let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
        families.apply(batch);
        Ok(())
    }
}

/// A scan that owns the state it reads.
struct Frozen {
    map: Arc<Map>,
    range: KeyRange,
}

impl Frozen {
    fn new(mut families: Families, family: Family, range: KeyRange) -> Self {
        Self {
            map: families.0.remove(&family).unwrap_or_default(),
            range,
        }
    }
}

impl Frozen {
    /// What is left of the range.
    fn left(&self) -> impl DoubleEndedIterator<Item = Entry> {
        let map = (!self.range.is_empty()).then_some(&self.map);
        map.into_iter().flat_map(|map| {
            let to = self.range.to.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            map.range::<[u8], _>((Bound::Included(self.range.from.as_slice()), to))
                .map(entry)
        })
    }
}

impl Iterator for Frozen {
    type Item = Result<Entry, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.left().next()?;
        self.range.from = found.0.to_vec();
        self.range.from.push(0); // the least key above the one just read
        Some(Ok(found))
    }
}

/// The same in descending order.
struct FrozenBack(Frozen);

impl Iterator for FrozenBack {
    type Item = Result<Entry, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.0.left().next_back()?;
        self.0.range.to = Some(found.0.to_vec());
        Some(Ok(found))
    }
}

fn entry((key, value): (&Vec<u8>, &Vec<u8>)) -> Entry {
    (key.as_slice().into(), value.as_slice().into())
}
