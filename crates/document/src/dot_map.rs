//! A small map by dot. Nearly always it has one entry, and there is one for every leaf of a document, so it is a sorted vector: a tree would take ten
//! times the memory.

use crate::Dot;

/// Entries by the write that made them, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DotMap<V> {
    entries: Vec<(Dot, V)>,
}

impl<V> DotMap<V> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(crate) fn of(dot: Dot, value: V) -> Self {
        Self {
            entries: vec![(dot, value)],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, dot: Dot) -> Option<&V> {
        self.position(dot).ok().map(|place| &self.entries[place].1)
    }

    pub(crate) fn contains(&self, dot: Dot) -> bool {
        self.position(dot).is_ok()
    }

    /// Replaces what the write had made.
    pub(crate) fn insert(&mut self, dot: Dot, value: V) {
        match self.position(dot) {
            Ok(place) => self.entries[place].1 = value,
            Err(place) => self.entries.insert(place, (dot, value)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(Dot, &V) -> bool) {
        self.entries.retain(|(dot, value)| keep(*dot, value));
    }

    pub(crate) fn oldest(&self) -> Option<(Dot, &V)> {
        self.entries.first().map(|(dot, value)| (*dot, value))
    }

    pub(crate) fn newest(&self) -> Option<(Dot, &V)> {
        self.entries.last().map(|(dot, value)| (*dot, value))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Dot, &V)> + ExactSizeIterator {
        self.entries.iter().map(|(dot, value)| (*dot, value))
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    #[cfg(test)]
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    fn position(&self, dot: Dot) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&dot, |(other, _)| *other)
    }
}

impl<V> Default for DotMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Of several entries of one write the last counts.
impl<V> FromIterator<(Dot, V)> for DotMap<V> {
    fn from_iter<I: IntoIterator<Item = (Dot, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut map = Self {
            entries: Vec::with_capacity(entries.size_hint().1.unwrap_or_default()),
        };
        entries.for_each(|(dot, value)| map.insert(dot, value));
        map
    }
}
