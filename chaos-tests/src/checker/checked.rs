//! What one checker has to say about one history.

use super::Violation;

/// How much a checker looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many things were checked: a run in which this stays zero has proved nothing.
    pub items: usize,
    /// What was found.
    pub violations: Vec<Violation>,
}

impl Checked {
    /// Counts one thing that was checked, and takes in what was found there.
    pub fn item(&mut self, found: impl IntoIterator<Item = Violation>) {
        self.items += 1;
        self.violations.extend(found);
    }

    /// Adds what another look found.
    pub fn add(&mut self, other: Self) {
        self.items += other.items;
        self.violations.extend(other.violations);
    }
}
