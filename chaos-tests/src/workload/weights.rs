//! How often operations are drawn.

use serde::{Deserialize, Serialize};

use super::Chance;

/// The weight of each operation: it is drawn so many times in as many as all weights come to. Zero: never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Creations, also of what exists already.
    pub create: u32,
    /// Updates of what was read just before.
    pub update: u32,
    /// Updates of something older, to be merged.
    pub stale_merge: u32,
    /// Updates of something older, to be refused.
    pub stale_reject: u32,
    /// Updates of something older, to be kept beside what came after.
    pub stale_branch: u32,
    /// Deletes of what was read just before.
    pub delete: u32,
    /// Merge patches of what was read just before.
    pub patch: u32,
    /// Increments that read nothing and have no name: one without an answer is never repeated.
    pub increment: u32,
    /// Increments with a request id, to be repeated until an answer comes.
    pub increment_named: u32,
    /// Additions to a set.
    pub add: u32,
    /// Removals of an element that was read just before.
    pub discard: u32,
    /// Atomic batches.
    pub batch: u32,
    /// Reads of one document.
    pub read: u32,
    /// Reads of several documents on one snapshot.
    pub read_many: u32,
    /// Resolutions of a conflict, where one is listed.
    pub resolve: u32,
    /// The session goes on at another datacenter.
    pub fail_over: u32,
}

impl Default for Weights {
    /// Of everything something.
    fn default() -> Self {
        Self {
            create: 3,
            update: 24,
            stale_merge: 8,
            stale_reject: 2,
            stale_branch: 6,
            delete: 3,
            patch: 6,
            increment: 5,
            increment_named: 5,
            add: 4,
            discard: 3,
            batch: 5,
            read: 12,
            read_many: 4,
            resolve: 6,
            fail_over: 4,
        }
    }
}

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Create,
    Update,
    StaleMerge,
    StaleReject,
    StaleBranch,
    Delete,
    Patch,
    Increment,
    IncrementNamed,
    Add,
    Discard,
    Batch,
    Read,
    ReadMany,
    Resolve,
    FailOver,
}

impl Weights {
    /// No operation at all, to choose some from.
    pub fn none() -> Self {
        Self {
            create: 0,
            update: 0,
            stale_merge: 0,
            stale_reject: 0,
            stale_branch: 0,
            delete: 0,
            patch: 0,
            increment: 0,
            increment_named: 0,
            add: 0,
            discard: 0,
            batch: 0,
            read: 0,
            read_many: 0,
            resolve: 0,
            fail_over: 0,
        }
    }

    fn all(&self) -> [(Kind, u32); 16] {
        [
            (Kind::Create, self.create),
            (Kind::Update, self.update),
            (Kind::StaleMerge, self.stale_merge),
            (Kind::StaleReject, self.stale_reject),
            (Kind::StaleBranch, self.stale_branch),
            (Kind::Delete, self.delete),
            (Kind::Patch, self.patch),
            (Kind::Increment, self.increment),
            (Kind::IncrementNamed, self.increment_named),
            (Kind::Add, self.add),
            (Kind::Discard, self.discard),
            (Kind::Batch, self.batch),
            (Kind::Read, self.read),
            (Kind::ReadMany, self.read_many),
            (Kind::Resolve, self.resolve),
            (Kind::FailOver, self.fail_over),
        ]
    }

    /// Draws a kind. A read where all weights are zero.
    pub(super) fn draw(&self, chance: &mut impl Chance) -> Kind {
        let all = self.all();
        let mut lot = chance.lot(all.iter().map(|(_, weight)| weight).sum());
        for (kind, weight) in all {
            match lot.checked_sub(weight) {
                None => return kind,
                Some(rest) => lot = rest,
            }
        }
        Kind::Read
    }
}
