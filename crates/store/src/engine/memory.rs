//! An engine in memory, for the simulator and for tests. A clone is a deep copy: a backup of the disk.
//!
//! Snapshots copy nothing: the maps are shared until they are written again.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::{Batch, Durability, Engine, EngineError, Entries, Entry, Family, KeyRange, Mutation, Read};

/// Entries that a scan takes at once at most. It begins with one: many a scan ends at its first entry.
const CHUNK_MAX: usize = 64;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The families of an engine at one moment, each at its place in [`Family::ALL`].
#[derive(Debug, Clone, Default)]
struct Families([Arc<Map>; Family::ALL.len()]);

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

    /// The newest state, as long as the guard is held.
    fn families(&self) -> RwLockReadGuard<'_, Families> {
        // A change of a map cannot fail half way: a panic elsewhere leaves the maps whole.
        self.families.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Families {
        self.families().clone()
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
    fn map(&self, family: Family) -> &Arc<Map> {
        &self.0[family as usize]
    }

    fn apply(&mut self, batch: Batch) {
        for change in batch.into_changes() {
            let map = Arc::make_mut(&mut self.0[change.family as usize]);
            match change.mutation {
                Mutation::Put(value) => map.insert(change.key, value),
                Mutation::Delete | Mutation::SingleDelete => map.remove(&change.key),
            };
        }
    }
}

/// The entries of a range.
fn entries<'a>(map: &'a Map, range: &KeyRange) -> impl DoubleEndedIterator<Item = Entry> + use<'a> {
    let to = range.to.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let found = (!range.is_empty()).then(|| map.range::<[u8], _>((Bound::Included(range.from.as_slice()), to)));
    found.into_iter().flatten().map(entry)
}

impl Read for Families {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.map(family).get(key).cloned())
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        keys.iter().map(|key| self.get(family, key)).collect()
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(entries(self.map(family), &range).map(Ok))
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(entries(self.map(family), &range).rev().map(Ok))
    }
}

impl Read for MemoryEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.families().get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.families().multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(Frozen::new(self.families().map(family), range, Direction::Up))
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        Box::new(Frozen::new(self.families().map(family), range, Direction::Down))
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

/// Which way a scan goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// A scan that owns the state it reads, and takes more of it at once the longer it goes on.
struct Frozen {
    map: Arc<Map>,
    direction: Direction,
    /// What was not taken yet.
    left: KeyRange,
    taken: std::vec::IntoIter<Entry>,
    chunk: usize,
}

impl Frozen {
    fn new(map: &Arc<Map>, range: KeyRange, direction: Direction) -> Self {
        Self {
            map: Arc::clone(map),
            direction,
            left: range,
            taken: Vec::new().into_iter(),
            chunk: 1,
        }
    }

    fn take_more(&mut self) {
        let found = entries(&self.map, &self.left);
        let taken: Vec<Entry> = match self.direction {
            Direction::Up => found.take(self.chunk).collect(),
            Direction::Down => found.rev().take(self.chunk).collect(),
        };
        if let Some((last, _)) = taken.last() {
            match self.direction {
                // The least key above the last one.
                Direction::Up => self.left.from = [last, &[0][..]].concat(),
                Direction::Down => self.left.to = Some(last.to_vec()),
            }
        }
        self.chunk = (self.chunk * 4).min(CHUNK_MAX);
        self.taken = taken.into_iter();
    }
}

impl Iterator for Frozen {
    type Item = Result<Entry, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.taken.len() == 0 {
            self.take_more();
        }
        self.taken.next().map(Ok)
    }
}

fn entry((key, value): (&Vec<u8>, &Vec<u8>)) -> Entry {
    (key.as_slice().into(), value.as_slice().into())
}
