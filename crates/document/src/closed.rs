//! Branches that are closed for good, as a client of CouchDB's protocol has to see them.
//!
//! In CouchDB's tree an open revision stays open until something grows from it: what a merge or a decision has settled, a resolver closes by a deletion,
//! and that deletion stays. Here a write takes the place of all branches, so it carries with it which of them it closed. Whoever has read such a branch,
//! and comes back much later and at another datacenter, still learns that it is closed. What a write carries never changes, so the join needs to know
//! nothing of it, and nodes that hold the same branches tell the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::head::Head;
use crate::{Ancestry, FieldDocument, Object, Revision, Shown, write_revision};

/// Branches that one write carries at most. Beyond it those of the lowest revisions go.
pub(crate) const CLOSED_MAX: usize = 32;

/// Revisions that one of them names at most of those that it grew from. Beyond it the oldest go.
pub(crate) const CLOSED_ANCESTORS_MAX: usize = 8;

/// A revision that was open once, and from which nothing grew but perhaps its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    /// What was open.
    pub(crate) revision: Revision,
    /// Whether it deletes the document itself; else a deletion follows it.
    pub(crate) deleted: bool,
    /// What it grew from, newest first, as far as one that the document goes on from as well.
    pub(crate) ancestors: Vec<Revision>,
}

impl Closed {
    /// A branch that is there still.
    fn branch(head: &Head) -> Self {
        Self {
            revision: head.revision.clone(),
            deleted: head.deleted,
            ancestors: head.ancestry.iter().cloned().collect(),
        }
    }

    /// A revision of which no more is known than its name.
    fn named(revision: Revision) -> Self {
        Self {
            revision,
            deleted: false,
            ancestors: Vec::new(),
        }
    }

    /// The deleted revision that stands for it.
    pub(crate) fn tombstone(&self) -> Revision {
        tombstone(&self.revision, self.deleted)
    }

    /// Whether it is this revision, or names it among those that it grew from.
    pub(crate) fn names(&self, revision: &Revision) -> bool {
        self.revision == *revision || self.ancestors.contains(revision)
    }

    /// Only what tells where it left the branch that goes on.
    fn trimmed(mut self, goes_on: &Ancestry) -> Self {
        self.ancestors.truncate(CLOSED_ANCESTORS_MAX);
        let shared = self.ancestors.iter().position(|ancestor| goes_on.contains(ancestor));
        if let Some(place) = shared {
            self.ancestors.truncate(place + 1);
        }
        self
    }
}

/// The deleted revision that closes one: itself, or the one that CouchDB's `DELETE` would make of it.
pub(crate) fn tombstone(revision: &Revision, deleted: bool) -> Revision {
    match deleted {
        true => revision.clone(),
        false => write_revision(Some(revision), true, &Object::new(), &[]),
    }
}

impl FieldDocument {
    /// What the branches carry, the highest first, each once.
    pub(crate) fn carried(&self) -> Vec<&Closed> {
        let mut carried = BTreeMap::new();
        for closed in self.heads.values().flat_map(|head| head.closed.iter()) {
            carried.entry(Reverse(&closed.revision)).or_insert(closed);
        }
        carried.into_values().collect()
    }

    /// The branches from which no other one grew, by their revisions. (Equal first edits may be gone on from on one side alone.)
    pub(crate) fn tips(&self) -> BTreeMap<&Revision, &Head> {
        let mut tips: BTreeMap<_, _> = self.heads.values().map(|head| (&head.revision, head)).collect();
        if tips.len() > 1 {
            for ancestor in self.heads.values().flat_map(|head| head.ancestry.iter()) {
                tips.remove(ancestor);
            }
        }
        tips
    }

    /// What the only branch of `after` has to carry, which took the place of the branches of this state: what they carried, and what was open beside
    /// the revision that it grew from and is not open any more.
    pub(crate) fn closed_by(&self, was: &Shown, (after, shown): (&Self, &Shown)) -> Arc<[Closed]> {
        let none = Ancestry::none();
        let goes_on = after.heads.values().next().map_or(&none, |head| &head.ancestry);
        let still_open = after.competing(shown);
        let branches: BTreeSet<&Revision> = self.heads.values().map(|head| &head.revision).collect();
        let competing = self.competing(was).into_iter();
        let named = competing
            .filter(|revision| !branches.contains(revision))
            .map(Closed::named);
        let grew = |revision: &Revision| *revision == was.revision || goes_on.contains(revision);
        let mut closed: BTreeMap<Reverse<Revision>, Closed> = BTreeMap::new();
        for carried in self.carried() {
            closed.insert(Reverse(carried.revision.clone()), carried.clone());
        }
        for newly in self.tips().into_values().map(Closed::branch).chain(named) {
            if !grew(&newly.revision) && !still_open.contains(&newly.revision) {
                let newly = newly.trimmed(goes_on);
                closed.entry(Reverse(newly.revision.clone())).or_insert(newly);
            }
        }
        closed.into_values().take(CLOSED_MAX).collect()
    }

    /// The revisions that the deletion of a closed branch grew from, newest first: the branch's own, and then those of the branch that goes on.
    pub(crate) fn ancestors_of_closed(&self, deletion: &Revision) -> Vec<Revision> {
        let is_meant = |head: &&Head| tombstone(&head.revision, head.deleted) == *deletion;
        let branch = self.heads.values().find(is_meant).map(Closed::branch);
        let carried = || {
            let mut carried = self.carried().into_iter();
            carried.find(|closed| closed.tombstone() == *deletion).cloned()
        };
        let Some(closed) = branch.or_else(carried) else {
            return Vec::new();
        };
        let mut told: Vec<Revision> = (!closed.deleted).then_some(closed.revision).into_iter().collect();
        told.extend(closed.ancestors.iter().cloned());
        let Some(shared) = closed.ancestors.last() else {
            return told;
        };
        let below = |head: &Head| {
            let line = std::iter::once(&head.revision).chain(head.ancestry.iter());
            let mut below = line.cloned().skip_while(|revision| revision != shared);
            below.next().map(|_| below.collect::<Vec<_>>())
        };
        told.extend(self.heads.values().find_map(below).unwrap_or_default());
        told
    }
}
