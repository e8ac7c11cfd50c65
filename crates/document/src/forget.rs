//! What may be dropped once every datacenter is known to have seen all of a document.

use crate::fields::{Leaf, Node};
use crate::{FieldDocument, VersionVector};

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
