//! Flow control: how many bytes of batches are under way.

use std::collections::{BTreeSet, VecDeque};

use rejoin_document::{DatabaseName, Position};

/// Batches that were sent and not acknowledged, oldest first.
pub(super) struct Window {
    limit_bytes: u64,
    used_bytes: u64,
    batches: VecDeque<(DatabaseName, Position, u64)>,
}

impl Window {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            used_bytes: 0,
            batches: VecDeque::new(),
        }
    }

    /// Bytes that may still be sent. A batch may exceed them only by a single large document.
    pub(super) fn room(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.used_bytes)
    }

    pub(super) fn sent(&mut self, database: DatabaseName, to: Position, bytes: u64) {
        self.used_bytes = self.used_bytes.saturating_add(bytes);
        self.batches.push_back((database, to, bytes));
    }

    /// The batches of a database are applied in their order, so an acknowledgement covers all of them that were sent before; of other databases it
    /// says nothing, since one of theirs may have been lost. One for no batch changes nothing.
    pub(super) fn acknowledged(&mut self, database: &DatabaseName, position: Position) {
        let found = self
            .batches
            .iter()
            .position(|(name, to, _)| name == database && *to == position);
        let Some(last) = found else { return };
        let mut freed: u64 = 0;
        let mut place = 0;
        self.batches.retain(|(name, _, bytes)| {
            let covered = place <= last && name == database;
            place += 1;
            if covered {
                freed = freed.saturating_add(*bytes);
            }
            !covered
        });
        self.used_bytes = self.used_bytes.saturating_sub(freed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether something of this database was not acknowledged.
    pub(super) fn holds(&self, database: &DatabaseName) -> bool {
        self.batches.iter().any(|(name, _, _)| name == database)
    }

    /// The databases of which something was not acknowledged.
    pub(super) fn waiting(&self) -> BTreeSet<DatabaseName> {
        self.batches.iter().map(|(name, _, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::{Incarnation, Sequence};

    use super::*;

    fn at(sequence: u64) -> Position {
        Position {
            incarnation: Incarnation(1),
            sequence: Sequence(sequence),
        }
    }

    #[test]
    fn an_acknowledgement_frees_its_batch_and_all_before_it() {
        let database = DatabaseName::system();
        let mut window = Window::new(100);
        for sequence in 1..=3 {
            window.sent(database.clone(), at(sequence), 30);
        }
        assert_eq!(window.room(), 10);
        window.acknowledged(&database, at(2));
        assert_eq!(window.room(), 70);
    }

    #[test]
    fn an_acknowledgement_frees_nothing_of_another_database() {
        let mut window = Window::new(100);
        window.sent(DatabaseName::system(), at(1), 30);
        window.sent("orders".parse().unwrap(), at(1), 30);
        window.acknowledged(&"orders".parse().unwrap(), at(1));
        assert_eq!(window.room(), 70);
        assert_eq!(window.waiting(), BTreeSet::from([DatabaseName::system()]));
    }

    #[test]
    fn an_acknowledgement_of_nothing_frees_nothing() {
        let database = DatabaseName::system();
        let mut window = Window::new(100);
        window.sent(database.clone(), at(1), 30);
        window.acknowledged(&database, at(9));
        assert_eq!(window.room(), 70);
    }
}
