//! The revision tree of a document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dot_map::DotMap;
use crate::join::Sides;
use crate::requests::Requests;
use crate::{Branch, Candidate, CandidateKind, Dot, Object, OpenConflict, Revision, Shown, Value, VersionVector};

/// A document whose writes supersede only the revision that they name.
///
/// Dots serve knowledge only, and tell a node that the other side has dropped (beyond `revs_limit`) from one that it has never seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeDocument {
    /// Every write that this state has incorporated.
    pub(crate) context: VersionVector,
    /// The revisions.
    pub(crate) nodes: BTreeMap<Revision, TreeNode>,
    /// The bodies of the open revisions, and of no others: of deletions what they left behind.
    pub(crate) bodies: BTreeMap<Revision, Arc<Object>>,
    /// The requests that it remembers.
    pub(crate) requests: Requests,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeNode {
    /// What it was made from; that revision may have been dropped since.
    pub(crate) parent: Option<Revision>,
    /// Does it delete the document?
    pub(crate) deleted: bool,
    /// A revision was made from it that counts as made from another one: that one name came with two parents does not open it again.
    pub(crate) closed: bool,
    /// The writes that made it: equal edits on several sides make the same revision.
    pub(crate) dots: DotMap<()>,
}

impl TreeNode {
    /// The node with what is known of it on both sides. Who brought it from elsewhere need not have known its parent, and may have called it deleted.
    fn of_both<'a>(same: impl Iterator<Item = &'a Self> + Clone, dots: DotMap<()>) -> Self {
        Self {
            parent: same.clone().filter_map(|node| node.parent.as_ref()).max().cloned(),
            deleted: same.into_iter().all(|node| node.deleted),
            closed: false,
            dots,
        }
    }
}

impl TreeDocument {
    /// A document without any write.
    pub const fn empty() -> Self {
        Self {
            context: VersionVector::new(),
            nodes: BTreeMap::new(),
            bodies: BTreeMap::new(),
            requests: Requests::new(),
        }
    }

    /// `a ⊔ b`: the union, without what one side has dropped.
    pub(crate) fn join(&self, other: &Self) -> Self {
        let sides = Sides {
            ours: &self.context,
            theirs: &other.context,
        };
        let none = DotMap::new();
        let mut nodes = BTreeMap::new();
        for revision in self.nodes.keys().chain(other.nodes.keys()) {
            let dots = |tree: &'_ Self| tree.nodes.get(revision).map(|node| node.dots.clone());
            if !nodes.contains_key(revision) {
                let dots = sides.survivors(
                    &dots(self).unwrap_or(none.clone()),
                    &dots(other).unwrap_or(none.clone()),
                );
                let same = [self.nodes.get(revision), other.nodes.get(revision)];
                nodes.insert(revision.clone(), TreeNode::of_both(same.into_iter().flatten(), dots));
            }
        }
        nodes.retain(|_, node| !node.dots.is_empty());
        self.keep_closed(other, &mut nodes);
        let mut bodies = self.bodies.clone();
        for (revision, theirs) in &other.bodies {
            match bodies.get(revision) {
                // A revision that was made elsewhere under a name of its own may have come with two bodies: every node takes the same one.
                Some(ours) if ours.is_identical(theirs) || rank(ours) >= rank(theirs) => {}
                _ => drop(bodies.insert(revision.clone(), Arc::clone(theirs))),
            }
        }
        let context = self.context.join(&other.context);
        let mut joined = Self {
            requests: self.requests.join(&other.requests, &context),
            context,
            nodes,
            bodies,
        };
        joined.keep_open_bodies();
        joined
    }

    /// What either side has closed stays closed, also where the child's parent is another one now.
    fn keep_closed(&self, other: &Self, nodes: &mut BTreeMap<Revision, TreeNode>) {
        let differ = |(revision, node): (&Revision, &TreeNode)| {
            let theirs = other.nodes.get(revision).and_then(|theirs| theirs.parent.as_ref());
            node.closed || (node.parent.is_some() && theirs.is_some() && node.parent.as_ref() != theirs)
        };
        if !self.nodes.iter().any(differ) && !other.nodes.values().any(|node| node.closed) {
            return;
        }
        let parents: BTreeSet<Revision> = nodes.values().filter_map(|node| node.parent.clone()).collect();
        let (ours, theirs) = (self.parents(), other.parents());
        let flagged = |tree: &Self, revision| tree.nodes.get(revision).is_some_and(|node| node.closed);
        for (revision, node) in nodes {
            let was_closed = ours.contains(revision)
                || theirs.contains(revision)
                || flagged(self, revision)
                || flagged(other, revision);
            node.closed = was_closed && !parents.contains(revision);
        }
    }

    fn parents(&self) -> BTreeSet<&Revision> {
        self.nodes.values().filter_map(|node| node.parent.as_ref()).collect()
    }

    /// The open revisions, the winner first: not deleted before deleted, then the highest.
    pub(crate) fn leaves(&self) -> Vec<(&Revision, &TreeNode)> {
        let parents = self.parents();
        let mut leaves: Vec<_> = self
            .nodes
            .iter()
            .filter(|(revision, node)| !node.closed && !parents.contains(revision))
            // Only what somebody made up is open without a body.
            .filter(|(revision, _)| self.bodies.contains_key(*revision))
            .collect();
        leaves.sort_by(|(a, one), (b, other)| (!other.deleted, b).cmp(&(!one.deleted, a)));
        leaves
    }

    pub(crate) fn branches(&self) -> Vec<Branch<'_>> {
        self.leaves()
            .into_iter()
            .filter_map(|(revision, node)| {
                let body = self.bodies.get(revision)?;
                Some(Branch {
                    dot: None,
                    revision,
                    deleted: node.deleted,
                    body,
                })
            })
            .collect()
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.leaves().iter().all(|(_, node)| node.deleted)
    }

    /// Did every open revision that is not deleted grow from this one?
    pub(crate) fn is_common_ancestor(&self, revision: &Revision) -> bool {
        let live = self.leaves().into_iter().filter(|(_, node)| !node.deleted);
        let mut live = live.map(|(leaf, _)| leaf);
        live.all(|leaf| {
            let parent = |child: &&Revision| self.nodes.get(*child).and_then(|node| node.parent.as_ref());
            // The nodes bound the walk: only made-up states have revisions that descend from each other.
            std::iter::successors(Some(leaf), parent)
                .take(self.nodes.len() + 1)
                .skip(1)
                .any(|ancestor| ancestor == revision)
        })
    }

    /// What a reader sees: the winner's body. Several open revisions that are not deleted are a conflict of the whole document.
    pub(crate) fn shown(&self) -> Shown {
        let leaves = self.leaves();
        let Some((revision, winner)) = leaves.first().copied() else {
            return Shown {
                revision: Revision::none(),
                deleted: true,
                body: Arc::default(),
                conflicts: Vec::new(),
            };
        };
        let body = self
            .bodies
            .get(revision)
            .filter(|_| !winner.deleted)
            .cloned()
            .unwrap_or_default();
        let conflicts = self.open_conflict(&leaves, &body).into_iter().collect();
        Shown {
            revision: revision.clone(),
            deleted: winner.deleted,
            body,
            conflicts,
        }
    }

    /// The first of the writes that made the winner.
    pub(crate) fn winning_dot(&self) -> Option<Dot> {
        let (_, winner) = self.leaves().first().copied()?;
        winner.dots.oldest().map(|(dot, ())| dot)
    }

    /// The revision that a write made, if it is kept.
    pub(crate) fn made_by(&self, dot: Dot) -> Option<&Revision> {
        let mut nodes = self.nodes.iter().rev();
        nodes
            .find(|(_, node)| node.dots.contains(dot))
            .map(|(revision, _)| revision)
    }

    /// The revisions that one grew from, newest first, as far as they are kept.
    pub(crate) fn ancestors(&self, revision: &Revision) -> Vec<Revision> {
        let parent = |child: &Revision| self.nodes.get(child).and_then(|node| node.parent.clone());
        // The nodes bound the walk: only made-up states have revisions that descend from each other.
        std::iter::successors(parent(revision), parent)
            .take(self.nodes.len())
            .collect()
    }

    /// More than one open revision that is not deleted.
    pub(crate) fn may_conflict(&self) -> bool {
        self.leaves().iter().filter(|(_, node)| !node.deleted).nth(1).is_some()
    }

    /// Bodies are kept for the open revisions only.
    pub(super) fn keep_open_bodies(&mut self) {
        let open: BTreeSet<Revision> = self
            .leaves()
            .into_iter()
            .map(|(revision, _)| revision.clone())
            .collect();
        self.bodies.retain(|revision, _| open.contains(revision));
    }

    fn open_conflict(&self, leaves: &[(&Revision, &TreeNode)], shown: &Arc<Object>) -> Option<OpenConflict> {
        let candidate = |(revision, node): &(&Revision, &TreeNode)| {
            let body = self.bodies.get(*revision).cloned().unwrap_or_default();
            let (dot, ()) = node.dots.oldest()?;
            let kind = CandidateKind::Value(Value::Object(Object::clone(&body)));
            (!node.deleted).then(|| Candidate {
                dot,
                revision: (*revision).clone(),
                kind,
            })
        };
        let mut candidates: Vec<_> = leaves.iter().filter_map(candidate).collect();
        candidates.sort_by(|a, b| (a.dot, &a.revision).cmp(&(b.dot, &b.revision)));
        let shown = Some(Value::Object(Object::clone(shown)));
        (candidates.len() > 1).then_some(OpenConflict {
            path: String::new(),
            candidates,
            shown,
        })
    }
}

/// The greater of two bodies that came under one name counts.
fn rank(body: &Object) -> (String, String) {
    (body.canonical(), body.to_json())
}
