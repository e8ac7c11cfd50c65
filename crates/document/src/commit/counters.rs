//! Housekeeping of counters after a write.

use std::collections::BTreeSet;

use crate::fields::{Leaf, Node, Segment, Siblings};
use crate::{Dot, RequestName, Revision};

use super::difference::Difference;

/// Requests of one replica whose increments of one counter keep their own entries at most, each some 50 bytes: as many as may come while other
/// datacenters cannot be reached, so that none of them that was also done there counts twice.
const OPEN_REQUESTS_MAX: usize = 4096;

/// One entry for all increments that the write's replica made to a counter; and a creation is named by its revision.
/// The increments of its requests are in it once they are `settled`: until then a request may be done elsewhere too, and has to be found by its name
/// when both meet.
pub(super) fn fold(
    node: &mut Node,
    difference: &Difference<'_>,
    dot: Dot,
    settled: &impl Fn(RequestName, Dot) -> bool,
) {
    fold_here(node, dot, settled);
    for (segment, child) in difference.members() {
        if let Some(node) = node.children.get_mut(segment) {
            fold(node, child, dot, settled);
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

fn fold_here(node: &mut Node, dot: Dot, settled: &impl Fn(RequestName, Dot) -> bool) {
    let own = Segment::Increments(dot);
    let is_own = |segment: &Segment| matches!(segment, Segment::Increments(other) if other.replica == dot.replica);
    let request = |(segment, entry): (&Segment, &Node)| match (segment, entry.newest()) {
        (Segment::Request(name), Some((newest, _))) if newest.replica == dot.replica => Some((newest, *name)),
        _ => None,
    };
    let mut requests: Vec<_> = node.children.iter().filter_map(request).collect();
    requests.sort_unstable();
    // Oldest first; of more than the bound the oldest are taken for settled.
    let beyond = requests.len().saturating_sub(OPEN_REQUESTS_MAX);
    let is_settled = |(place, (newest, name)): &(usize, (Dot, RequestName))| *place < beyond || settled(*name, *newest);
    let settled = requests.into_iter().enumerate().filter(is_settled);
    let settled: BTreeSet<Segment> = settled.map(|(_, (_, name))| Segment::Request(name)).collect();
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
    let amounts = entries.map(|entry| entry.newest().and_then(|(_, leaf)| leaf.amount()));
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
