//! Checkers: one invariant in each file, over the recorded history of everything that clients did and nodes showed.
//!
//! A checker is a function from a [`History`] to what it found; it does no IO and knows nothing of how the history came to be. A write without an
//! answer is unknown, never absent. Each counts what it has looked at, so that a run in which it saw nothing can be failed, and has tests that
//! plant what it must find.

mod checked;
pub mod document_order;
pub mod never_reverted;
mod report;
mod violation;

pub use checked::Checked;
pub use report::{Report, run};
pub use violation::Violation;

use crate::history::History;

/// One checker.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    /// Its name, as in violations.
    pub name: &'static str,
    /// What it makes sure of, in a sentence.
    pub promise: &'static str,
    /// The check.
    pub check: fn(&History) -> Checked,
}

/// All checkers, by name.
pub fn all() -> &'static [Checker] {
    ALL
}

const ALL: &[Checker] = &[Checker {
    name: never_reverted::NAME,
    promise: "every acknowledged write is visible, overwritten by one who had seen it, listed, or set aside by a rule",
    check: never_reverted::check,
}];
