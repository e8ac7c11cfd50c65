//! Bugs that are planted on purpose, so that the suite which looks for them is seen to find them.
//!
//! A build without debug assertions has none of this: neither the switch nor the places that ask for it. The switch belongs to a thread, as the
//! simulated clocks do. This file depends on nothing, so that a test can compile it alone, as a release would.

#![cfg(debug_assertions)]

use std::cell::Cell;

/// What is broken on purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bug {
    /// A write is acknowledged before it is synced.
    NoSync,
    /// Of two documents that meet the one with the newest write is kept whole.
    LastWriterWins,
    /// A write of a lower time counts as seen by the author of one of a higher.
    TimeForCausality,
    /// A write on an old revision is taken for one on the current.
    StaleWithoutBase,
    /// Marks of removal and the fields of deleted documents go when they are old, whoever has not seen them.
    ForgottenByAge,
    /// Knowledge comes with a batch that does not end its scan.
    KnowledgeTooEarly,
    /// A node that was put back to an older disk keeps its replica id.
    IdentityKept,
    /// What a merge shows depends on the order of a map.
    MapOrder,
    /// Nobody notices that a connection is dead.
    NoKeepalive,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NoSync,
        Self::LastWriterWins,
        Self::TimeForCausality,
        Self::StaleWithoutBase,
        Self::ForgottenByAge,
        Self::KnowledgeTooEarly,
        Self::IdentityKept,
        Self::MapOrder,
        Self::NoKeepalive,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    static STIRRED: Cell<usize> = const { Cell::new(0) };
}

/// The bug is there, on this thread, for as long as this lives.
#[derive(Debug)]
#[must_use = "the bug is gone when this is dropped"]
pub struct Planted(());

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(None);
    }
}

/// Plants a bug on this thread, in the place of another one.
pub fn plant(bug: Bug) -> Planted {
    PLANTED.set(Some(bug));
    STIRRED.set(0);
    Planted(())
}

/// Whether this bug is planted on this thread.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Puts items in an order that means nothing, as that of a hash map does, if [`Bug::MapOrder`] is planted.
pub fn stir<T>(items: &mut [T]) {
    if is(Bug::MapOrder) && items.len() > 1 {
        let turn = STIRRED.get();
        STIRRED.set(turn.wrapping_add(1));
        items.rotate_left(turn % items.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_there_while_it_is_planted_and_on_its_thread_only() {
        assert!(Bug::ALL.into_iter().all(|bug| !is(bug)));
        let planted = plant(Bug::MapOrder);
        assert!(is(Bug::MapOrder) && !is(Bug::NoSync));
        std::thread::spawn(|| assert!(!is(Bug::MapOrder))).join().unwrap();
        drop(planted);
        assert!(!is(Bug::MapOrder));
    }
}
