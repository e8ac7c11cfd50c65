//! The revision that a state shows.

use crate::fields::{Leaf, Node, Segment};
use crate::{Dot, FieldDocument, Object, Revision, merge_revision};

impl FieldDocument {
    /// One branch: that write's own revision. Several: a merge revision that any node computes alike, whatever the order of joining. The same
    /// revision under several dots (equal edits on both sides) stays that revision, unless counters add up to another body.
    pub(crate) fn shown_revision(&self, body: &Object) -> Revision {
        let revisions: Vec<&Revision> = self.heads.values().map(|head| &head.revision).collect();
        let Some(first) = revisions.first() else {
            return Revision::none();
        };
        let equal = revisions.iter().all(|revision| revision == first);
        if revisions.len() == 1 || equal && !self.counts(&self.fields) {
            return (*first).clone();
        }
        merge_revision(&revisions, self.is_deleted(), body)
    }

    /// Did one of the heads increment a counter? (Not where all did so for one request, which counts once.)
    fn counts(&self, node: &Node) -> bool {
        let by_head = |(dot, _): (Dot, &Leaf)| self.heads.contains(dot);
        node.children.iter().any(|(segment, child)| {
            let increments = match segment {
                Segment::Increments(_) => true,
                Segment::Request(_) => self.heads.iter().any(|(dot, _)| !child.siblings.contains(dot)),
                _ => false,
            };
            increments && child.siblings.iter().any(by_head) || self.counts(child)
        })
    }
}
