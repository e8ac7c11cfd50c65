//! Checkers: one invariant in each file, over the recorded history of everything that clients did and nodes showed.
//!
//! A checker is a function from a history to what it found; it does no IO and knows nothing of how the history came to be. A write without an
//! answer is unknown, never absent. Each counts what it has looked at, so that a run in which it saw nothing can be failed, and has tests that
//! plant what it must find.

pub mod atomic_batches;
pub mod bounded_sizes;
mod case;
mod checked;
pub mod clocks;
pub mod conflict_completeness;
pub mod convergence;
pub mod counters;
pub mod determinism;
pub mod document_order;
mod documents;
pub mod durability;
pub mod forgetting;
pub mod identity;
pub mod liveness;
pub mod never_reverted;
mod once;
mod onlooker;
mod past;
mod report;
pub mod sessions;
pub mod sets;
mod track;
mod violation;

pub use case::Case;
pub use checked::Checked;
pub use report::{Report, run};
pub use violation::Violation;

/// One checker.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    /// Its name, as in violations.
    pub name: &'static str,
    /// What it makes sure of, in a sentence.
    pub promise: &'static str,
    /// The check.
    pub check: fn(&Case<'_>) -> Checked,
}

/// All checkers, by name.
pub fn all() -> &'static [Checker] {
    ALL
}

const ALL: &[Checker] = &[
    Checker {
        name: never_reverted::NAME,
        promise: "I1: every acknowledged write is visible, overwritten by one who had seen it, listed, or set aside by a rule",
        check: never_reverted::check,
    },
    Checker {
        name: convergence::NAME,
        promise: "I2: equal knowledge means equal digests, and at the end all nodes show the same",
        check: |case| convergence::check(case.history),
    },
    Checker {
        name: determinism::NAME,
        promise: "I3: the same writes give one digest, however they are delivered",
        check: |case| determinism::check(case.history),
    },
    Checker {
        name: sessions::NAME,
        promise: "I4: a session sees at least what it has written and read, at every datacenter",
        check: sessions::check,
    },
    Checker {
        name: durability::NAME,
        promise: "I5: a node that was killed has everything that it had acknowledged",
        check: durability::check,
    },
    Checker {
        name: atomic_batches::NAME,
        promise: "I5: a batch is seen whole or not at all",
        check: atomic_batches::check,
    },
    Checker {
        name: liveness::NAME,
        promise: "I6: all nodes are equal within a bound after the last fault",
        check: |case| liveness::check(case.history),
    },
    Checker {
        name: bounded_sizes::NAME,
        promise: "I6: restarts leave states, tokens and hellos as large as they were",
        check: |case| bounded_sizes::check(case.history),
    },
    Checker {
        name: clocks::NAME,
        promise: "I7: the times of a replica strictly increase",
        check: |case| clocks::check(case.history),
    },
    Checker {
        name: identity::NAME,
        promise: "I8: one dot never names two payloads",
        check: |case| identity::check(case.history),
    },
    Checker {
        name: document_order::NAME,
        promise: "I1, I4: nobody sees a document go back at one node",
        check: document_order::check,
    },
    Checker {
        name: counters::NAME,
        promise: "I1: acknowledged increments add up",
        check: counters::check,
    },
    Checker {
        name: sets::NAME,
        promise: "I1: elements stay unless one who had seen them removes them",
        check: sets::check,
    },
    Checker {
        name: conflict_completeness::NAME,
        promise: "I1, I2: every true conflict is listed, and nothing else",
        check: conflict_completeness::check,
    },
    Checker {
        name: forgetting::NAME,
        promise: "I1: nothing is forgotten that not every member knows",
        check: |case| forgetting::check(case.history),
    },
];

#[cfg(test)]
mod tests;
