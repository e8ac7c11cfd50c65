//! What may be dropped once every datacenter is known to have seen all of a document.

use crate::fields::{Leaf, Node, Segment};
use crate::{FieldDocument, VersionVector};

/// What a state lacks of an earlier one although nothing in it says that it went: somebody had forgotten that when the states were joined. A write that
/// is rebased from before then would bring it back, and nobody would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Marks of removal: the earlier state said that something had gone, this one does not.
    Marks,
    /// Values: the earlier state still had them.
    Values,
}

impl FieldDocument {
    /// Drops marks of removal, and a deleted document's fields. The heads stay (a stub, as in CouchDB), so a deleted document is never mistaken for
    /// one that was never there. A mark beside or above something live stays: it is one side of a conflict, and nothing listed expires without a
    /// client's act. `None` if there is nothing to drop, or not everything is stable.
    pub(crate) fn forget(&self, stable: &VersionVector) -> Option<Self> {
        if !stable.dominates(&self.context) {
            return None;
        }
        let mut fields = self.fields.clone();
        if self.is_deleted() {
            fields = Node::new();
        } else {
            drop_marks(&mut fields);
        }
        (fields != self.fields).then(|| Self {
            context: self.context.clone(),
            heads: self.heads.clone(),
            fields,
            requests: self.requests.clone(),
        })
    }

    /// What went since an earlier state that this one has incorporated, and left no trace. Between states that show a document: what a delete took is told
    /// by its branch.
    pub(crate) fn loss_since(&self, before: &Self) -> Option<Loss> {
        let both_show = !self.is_deleted() && !before.is_deleted();
        both_show.then(|| loss(&before.fields, &self.fields)).flatten()
    }

    /// Some path holds more than one candidate, or a delete met an edit.
    pub(crate) fn may_conflict(&self) -> bool {
        let deleted = self.heads.values().filter(|head| head.deleted).count();
        deleted < self.heads.len() && (deleted > 0 || contended(&self.fields))
    }
}

fn drop_marks(node: &mut Node) -> bool {
    let mut live = node.siblings.values().any(Leaf::is_live);
    node.retain_children(|_, child| {
        live |= drop_marks(child);
        true
    });
    if !live {
        node.siblings.clear();
    }
    live
}

/// The greatest loss among the members of one place. Where something else was put here, that tells where they went.
fn loss(before: &Node, after: &Node) -> Option<Loss> {
    if is_replaced(before, after) {
        return None;
    }
    let members = before
        .children
        .iter()
        .filter(|(segment, _)| segment.as_member().is_some());
    let of_member = |(segment, child): (&Segment, &Node)| match after.children.get(segment) {
        Some(other) => loss(child, other),
        None if child.is_live() => Some(Loss::Values),
        None => Some(Loss::Marks),
    };
    members.filter_map(of_member).max()
}

/// Whether something other than an object was put here since, or an empty one.
fn is_replaced(before: &Node, after: &Node) -> bool {
    let mut made_by_rules = after.children.keys().filter(|segment| segment.as_member().is_none());
    after.siblings.iter().any(|(dot, _)| !before.siblings.contains(dot))
        || made_by_rules.any(|segment| !before.children.contains_key(segment))
}

/// Several siblings, several kinds of container, or a removal above something live.
fn contended(node: &Node) -> bool {
    let siblings = node.siblings.len();
    let mut kinds: Vec<_> = node.children.keys().map(|segment| Some(segment.kind())).collect();
    kinds.dedup();
    let beside = node
        .siblings
        .values()
        .any(|leaf| leaf.marks().is_none() || kinds.iter().any(|kind| *kind != leaf.marks()));
    siblings > 1
        || kinds.len() > 1
        || siblings > 0 && !kinds.is_empty() && beside
        || node.children.values().any(contended)
}
