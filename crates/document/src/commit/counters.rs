//! Housekeeping of counters after a write.

use crate::fields::{Leaf, Node, Segment, Siblings};
use crate::{Dot, RequestName, Revision};

use super::difference::Difference;

/// One entry for all increments that the write's replica made to a counter; and a creation is named by its revision.
/// The increments of its requests are in it once `remembered` knows them no more: until then a request may be answered elsewhere too.
pub(super) fn fold(node: &mut Node, difference: &Difference<'_>, dot: Dot, remembered: &impl Fn(RequestName) -> bool) {
    fold_here(node, dot, remembered);
    for (segment, child) in difference.members() {
        if let Some(node) = node.children.get_mut(segment) {
            fold(node, child, dot, remembered);
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

/// Names every counter that the write created by its revision, wherever it stands.
pub(super) fn name_all_creations(node: &mut Node, revision: &Revision) {
    if let Some(entry) = node.children.remove(&Segment::Creation(Revision::none())) {
        node.children.insert(Segment::Creation(revision.clone()), entry);
    }
    node.children
        .values_mut()
        .for_each(|child| name_all_creations(child, revision));
}

fn fold_here(node: &mut Node, dot: Dot, remembered: &impl Fn(RequestName) -> bool) {
    let own = Segment::Increments(dot);
    let is_own = |segment: &Segment| matches!(segment, Segment::Increments(other) if other.replica == dot.replica);
    let is_settled = |segment: &Segment, entry: &Node| {
        let by_us = entry.newest().is_some_and(|(newest, _)| newest.replica == dot.replica);
        by_us && matches!(segment, Segment::Request(name) if !remembered(*name))
    };
    let settled: Vec<Segment> = node
        .children
        .iter()
        .filter(|(segment, entry)| is_settled(segment, entry))
        .map(|(segment, _)| segment.clone())
        .collect();
    if !node.children.contains_key(&own) && settled.is_empty() {
        return;
    }
    // The newest entries are the write's, if it made one, and the one before it, which includes all earlier ones; of its siblings the newest counts,
    // as in the view.
    let newest = node
        .children
        .iter()
        .filter(|(segment, _)| is_own(segment))
        .rev()
        .take(1 + usize::from(node.children.contains_key(&own)));
    let requests = settled.iter().filter_map(|segment| node.children.get(segment));
    let entries = newest.map(|(_, entry)| entry).chain(requests);
    let amounts = entries.map(|entry| entry.newest().and_then(|(_, leaf)| amount_of(leaf)));
    // A sum out of range leaves the entries as they are.
    let total = amounts.collect::<Option<Vec<_>>>();
    let total = total.and_then(|amounts| amounts.into_iter().try_fold(0i128, i128::checked_add));
    if let Some(total) = total {
        node.children
            .retain(|segment, _| !is_own(segment) && !settled.contains(segment));
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
