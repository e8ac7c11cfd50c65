//! A batch of changes that an engine writes atomically.

use super::Family;

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// Sets the value.
    Put(Vec<u8>),
    /// Removes the key, however often it was set.
    Delete,
    /// Removes a key that was set exactly once since it was last removed: cheaper than `Delete` in RocksDB, where the pair vanishes at the
    /// first compaction that meets both. Using it on a key that was set twice may bring the first value back.
    SingleDelete,
}

/// A mutation with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The family.
    pub family: Family,
    /// The key.
    pub key: Vec<u8>,
    /// What happens to it.
    pub mutation: Mutation,
}

/// Changes that become visible and durable together. Of several changes of one key the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    changes: Vec<Change>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value.
    pub fn put(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.push(family, key, Mutation::Put(value));
    }

    /// Removes a key.
    pub fn delete(&mut self, family: Family, key: Vec<u8>) {
        self.push(family, key, Mutation::Delete);
    }

    /// Removes a key that was set exactly once; see [`Mutation::SingleDelete`].
    pub fn single_delete(&mut self, family: Family, key: Vec<u8>) {
        self.push(family, key, Mutation::SingleDelete);
    }

    /// The changes in the order in which they were added.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The same, for an engine that keeps keys and values as they are.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many changes there are.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Takes back all changes but the first `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.changes.truncate(length);
    }

    fn push(&mut self, family: Family, key: Vec<u8>, mutation: Mutation) {
        self.changes.push(Change { family, key, mutation });
    }
}
