//! Housekeeping of counters after a write.

use crate::fields::{Leaf, Node, Segment, Siblings};
use crate::{Dot, Revision};

use super::difference::Difference;

/// One entry for all increments that the write's replica made to a counter; and a creation is named by its revision.
pub(super) fn fold(node: &mut Node, difference: &Difference<'_>, dot: Dot) {
    fold_here(node, dot);
    for (segment, child) in difference.members() {
        if let Some(node) = node.children.get_mut(segment) {
            fold(node, child, dot);
        }
    }
}

/// Names the counters that the write created by its revision.
pub(super) fn name_creations(node: &mut Node, difference: &Difference<'_>, revision: &Revision) {
    if let Some(entry) = node.children.remove(&Segment::Creation(Revision::none())) {
        node.children.insert(Segment::Creation(revision.clone()), entry);
    }
    for (segment, child) in difference.members() {
        if let Some(node) = node.children.get_mut(segment) {
            name_creations(node, child, revision);
        }
    }
}

fn fold_here(node: &mut Node, dot: Dot) {
    let own = Segment::Increments(dot);
    if !node.children.contains_key(&own) {
        return;
    }
    let is_own = |segment: &Segment| matches!(segment, Segment::Increments(other) if other.replica == dot.replica);
    // The newest entries are the write's and the one before it, which includes all earlier ones; of its siblings the newest counts, as in the view.
    let newest = node
        .children
        .iter()
        .filter(|(segment, _)| is_own(segment))
        .rev()
        .take(2);
    let amounts = newest.map(|(_, entry)| entry.newest().and_then(|(_, leaf)| amount_of(leaf)));
    // A sum out of range leaves the entries as they are.
    let total = amounts.collect::<Option<Vec<_>>>();
    let total = total.and_then(|amounts| amounts.into_iter().try_fold(0i128, i128::checked_add));
    if let Some(total) = total {
        node.children.retain(|segment, _| !is_own(segment));
        node.children.insert(
            own,
            Node {
                siblings: Siblings::of(dot, Leaf::Amount(total)),
                ..Node::new()
            },
        );
    }
}

fn amount_of(leaf: &Leaf) -> Option<i128> {
    if let Leaf::Amount(amount) = leaf {
        Some(*amount)
    } else {
        None
    }
}
