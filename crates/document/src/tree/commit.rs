//! A client's write in granularity `document`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::commit::report;
use crate::dot_map::DotMap;
use crate::{Committed, Document, OnConflict, REVISIONS_MAX, Refused, Revision, TreeDocument, Write, write_revision};

use super::TreeNode;

impl TreeDocument {
    /// The state after a write, and what it shows. A write supersedes only the open revision that it names; a new document on a deleted one extends
    /// its winner.
    ///
    /// # Errors
    /// [`Refused::Conflict`] when the revision that it names is not open (unless both are to stay), or it names none and the document is there.
    pub(crate) fn commit(&self, write: &Write<'_>) -> Result<Committed, Refused> {
        let refused = || report([String::new()], write, &self.shown());
        let leaves = self.leaves();
        let parent = match &write.base.revision {
            Some(named) => {
                let open = leaves.iter().copied().find(|(leaf, _)| *leaf == named);
                Some(open.or_else(|| self.branch_point(write, named)).ok_or_else(refused)?)
            }
            None => leaves
                .first()
                .map(|winner| if winner.1.deleted { Ok(*winner) } else { Err(refused()) })
                .transpose()?,
        };
        let parent = parent.map(|(revision, _)| (*revision).clone());
        let deleted = write.body.is_none();
        let body = write
            .body
            .clone()
            .or_else(|| write.tombstone.clone())
            .unwrap_or_default();
        let revision = write_revision(parent.as_ref(), deleted, &body, &[]);
        let mut document = self.clone();
        document.context.advance(write.dot);
        document.requests.shorten(&document.context);
        let dots = DotMap::of(write.dot, ());
        let node = TreeNode {
            parent,
            deleted,
            closed: false,
            dots,
        };
        document.nodes.insert(revision.clone(), node);
        document.bodies.insert(revision, Arc::clone(&body));
        document.stem(REVISIONS_MAX);
        document.keep_open_bodies();
        let shown = document.shown();
        Ok(Committed {
            document: Document::Tree(document),
            shown,
        })
    }

    /// Where a client that wants both to stay branches off: a revision that was open once and is not deleted.
    fn branch_point(&self, write: &Write<'_>, named: &Revision) -> Option<(&Revision, &TreeNode)> {
        let keeps = write.on_conflict == OnConflict::Keep && write.body.is_some();
        self.nodes
            .get_key_value(named)
            .filter(|(_, node)| keeps && !node.deleted)
    }

    /// Drops what lies `limit` or more revisions below every open one, as CouchDB's `revs_limit`.
    pub(super) fn stem(&mut self, limit: usize) {
        if self.nodes.len() <= limit {
            return;
        }
        let mut kept: BTreeSet<Revision> = BTreeSet::new();
        for (leaf, _) in self.leaves() {
            let mut next = Some(leaf);
            for _ in 0..limit {
                let Some((revision, node)) = next.and_then(|revision| self.nodes.get_key_value(revision)) else {
                    break;
                };
                kept.insert(revision.clone());
                next = node.parent.as_ref();
            }
        }
        self.nodes.retain(|revision, _| kept.contains(revision));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dot, HlcTime, Object, OnConflict, ReplicaId, RuleSet};

    fn write(document: &TreeDocument, time: u64, replica: u8, n: i64) -> TreeDocument {
        let mut body = Object::new();
        body.insert("n", n);
        let base = Document::Tree(document.clone()).base(&RuleSet::none());
        let dot = Dot::new(HlcTime(time), ReplicaId([replica; 8]));
        let write = Write {
            dot,
            base: &base,
            body: Some(Arc::new(body)),
            on_conflict: OnConflict::Refuse,
            request: None,
            everywhere: None,
            tombstone: None,
        };
        match document.commit(&write).expect("the base is open").document {
            Document::Tree(document) => document,
            Document::Fields(_) => unreachable!("a tree stays a tree"),
        }
    }

    #[test]
    fn a_dropped_ancestor_never_comes_back_as_an_open_revision() {
        let old = write(&TreeDocument::empty(), 1, 1, 0);
        let mut new = old.clone();
        for time in 2..10 {
            new = write(&new, time, 1, time as i64);
        }
        new.stem(3);
        assert_eq!(new.nodes.len(), 3);
        assert_eq!(new.join(&old), new);
        assert_eq!(old.join(&new), new);
        assert_eq!(new.leaves().len(), 1);
    }

    #[test]
    fn a_long_history_stays_bounded() {
        let mut document = TreeDocument::empty();
        for time in 1..=(REVISIONS_MAX as u64 + 20) {
            document = write(&document, time, 1, time as i64);
        }
        assert_eq!(document.nodes.len(), REVISIONS_MAX);
        assert_eq!(document.shown().revision.generation, REVISIONS_MAX as u64 + 20);
    }
}
