//! The state of a document in granularity `field`: a join-semilattice of a context, heads and fields.

use crate::dot_map::DotMap;
use crate::fields::{Leaf, Node, Segment};
use crate::head::Head;
use crate::requests::Requests;
use crate::{Branch, Dot, Revision, Value, VersionVector};

/// A document whose leaves merge one by one.
///
/// Invariants of every state that commits and joins make: the context covers every dot inside; the tree of fields has no empty node; times are not
/// zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldDocument {
    /// Every write that this state has incorporated.
    pub(crate) context: VersionVector,
    /// The maximal writes: the open branches.
    pub(crate) heads: DotMap<Head>,
    /// The assignments by path.
    pub(crate) fields: Node,
    /// The requests that it remembers.
    pub(crate) requests: Requests,
}

impl FieldDocument {
    /// A document without any write.
    pub const fn empty() -> Self {
        Self {
            context: VersionVector::new(),
            heads: DotMap::new(),
            fields: Node::new(),
            requests: Requests::new(),
        }
    }

    /// The values that stand at a path of members, oldest first: each was put there by its write, and nobody who had seen it has changed it since.
    /// Among them are those that no reader sees as long as another kind of value is shown above; they come to light when that conflict is resolved.
    pub fn values_at<'a>(&self, members: impl IntoIterator<Item = &'a str>) -> Vec<(Dot, &Value)> {
        let mut node = Some(&self.fields);
        for member in members {
            node = node.and_then(|node| node.children.get(&Segment::Member(member.into())));
        }
        let siblings = node.map(|node| node.siblings.iter()).into_iter().flatten();
        let values = siblings.filter_map(|(dot, leaf)| match leaf {
            Leaf::Scalar(value) => Some((dot, value)),
            _ => None,
        });
        values.collect()
    }

    /// Every branch has deleted it (so has none of no branches: an empty document counts as deleted).
    pub(crate) fn is_deleted(&self) -> bool {
        self.heads.values().all(|head| head.deleted)
    }

    pub(crate) fn branches(&self) -> Vec<Branch<'_>> {
        self.heads
            .iter()
            .map(|(dot, head)| Branch {
                dot: Some(dot),
                revision: &head.revision,
                deleted: head.deleted,
                body: &head.body,
            })
            .collect()
    }

    /// Among the heads or what they grew from, or closed?
    pub(crate) fn knows_revision(&self, revision: &Revision) -> bool {
        self.heads
            .values()
            .any(|head| head.revision == *revision || head.ancestry.contains(revision))
            || self.carried().into_iter().any(|closed| closed.names(revision))
    }
}
