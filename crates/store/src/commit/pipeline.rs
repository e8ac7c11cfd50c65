//! What the pipeline remembers from group to group. Only the holder of its lock sees it.

use std::collections::BTreeMap;

use rejoin_document::{DatabaseName, DocumentId, HlcTime, Sequence};

use super::trim::TrimCursor;
use crate::clock::Clock;

/// Why no more groups are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// A write failed: whether it is on disk is unknown.
    Failed,
    /// A write failed because the disk is full. What is on disk is read again before the next one.
    Full,
    /// The store was closed.
    Closed,
}

/// The state of the pipeline that readers have no part in.
pub(crate) struct Pipeline {
    pub clock: Clock,
    /// This replica's own last write of each database when the store was opened: what it can vouch for if its disk turns out to be old.
    pub opened: BTreeMap<DatabaseName, HlcTime>,
    /// What this run adds to a log is numbered above this.
    pub numbers_from: Sequence,
    /// Where the next step of forgetting goes on.
    pub forget_after: BTreeMap<DatabaseName, DocumentId>,
    /// The key in the family `quarantine` where the next step of trying again goes on.
    pub retry_after: BTreeMap<DatabaseName, Vec<u8>>,
    /// Superseded revisions before this time are gone: pruning need not crawl over what is left of them.
    pub pruned_until: BTreeMap<DatabaseName, HlcTime>,
    /// Where the next step of trimming goes on.
    pub trimmed: BTreeMap<DatabaseName, TrimCursor>,
    pub halt: Option<Halt>,
}

impl Pipeline {
    pub(crate) fn new(clock: Clock, opened: BTreeMap<DatabaseName, HlcTime>, numbers_from: Sequence) -> Self {
        Self {
            clock,
            opened,
            numbers_from,
            forget_after: BTreeMap::new(),
            retry_after: BTreeMap::new(),
            pruned_until: BTreeMap::new(),
            trimmed: BTreeMap::new(),
            halt: None,
        }
    }

    /// What was noted of steps that are not on disk, or may not be, is forgotten: the next step of each kind begins from the start.
    pub(crate) fn begin_again(&mut self) {
        self.forget_after.clear();
        self.retry_after.clear();
        self.pruned_until.clear();
        self.trimmed.clear();
    }

    /// A time at least as late as every write's of this replica.
    pub(crate) fn now(&self) -> HlcTime {
        self.clock.now().max(self.clock.last())
    }
}
