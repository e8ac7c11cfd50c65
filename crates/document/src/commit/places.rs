//! What is left keeps the place that the removed one gave it.
//!
//! Where a container competes with a rival (a scalar, or another kind), the newest write decides which is shown. A client that removes the newest
//! member must not thereby bring the rival to light: so another visible leaf of the container takes the write's dot.

use crate::fields::{Kind, Leaf, Node, Segment};
use crate::view::Visible;
use crate::{Dot, FieldDocument, RuleSet};

use super::difference::Difference;
use super::flatten::{Flat, Put};

/// Stamps what keeps each place. `before` is the state before the write.
pub(super) fn keep_places(
    fields: &mut Node,
    before: &FieldDocument,
    difference: &Difference<'_>,
    rules: &RuleSet,
    dot: Dot,
) {
    if difference
        .members()
        .any(|(segment, child)| is_contested(fields, segment, child))
    {
        let visible = before.built(rules).visible;
        keep_members(fields, &visible, difference, 1, dot);
    }
}

/// Does any removal leave a place to a rival?
fn is_contested(parent: &Node, segment: &Segment, difference: &Difference<'_>) -> bool {
    let Some(node) = parent.children.get(segment) else {
        return false;
    };
    contested_kinds(node, difference).next().is_some()
        || difference
            .members()
            .any(|(segment, child)| is_contested(node, segment, child))
}

/// The kinds of container here that lost something and have a rival.
fn contested_kinds(node: &Node, difference: &Difference<'_>) -> impl Iterator<Item = Kind> {
    let removes = |kind| match kind {
        Kind::Object => difference.removes_members,
        Kind::Set => difference.removed_elements().next().is_some(),
        Kind::Counter => false,
    };
    let has_rival = |kind| {
        node.siblings
            .values()
            .any(|leaf| leaf.is_live() && leaf.marks() != Some(kind))
            || node.children.keys().any(|segment| segment.kind() != kind)
    };
    // Who puts a rival here himself wants no place kept: what he had not read stays as it is, under its own write.
    let keeps = |kind| {
        let stands = |flat: &Flat| {
            matches!(&flat.put, Some(Put::Leaf(leaf)) if leaf.marks() == Some(kind))
                || flat.children.keys().any(|segment| segment.kind() == kind)
        };
        difference.after.is_some_and(stands)
    };
    Kind::ALL
        .into_iter()
        .filter(move |kind| keeps(*kind) && removes(*kind) && has_rival(*kind))
}

fn keep_members(node: &mut Node, visible: &Visible, difference: &Difference<'_>, depth: usize, dot: Dot) {
    for (segment, child) in difference.members() {
        let (Some(node), Some(visible)) = (node.children.get_mut(segment), visible.children.get(segment)) else {
            continue;
        };
        keep_members(node, visible, child, depth + 1, dot);
        let kinds: Vec<Kind> = contested_kinds(node, child).collect();
        for kind in kinds {
            stamp_first(node, visible, child.after, depth, Some(kind), dot);
        }
    }
}

/// Gives the dot to the first visible leaf that the new body does not empty, here or below through children of one kind. The order only has to be
/// the same for equal states: members in order, parents before children, but a top-level member after its children.
fn stamp_first(
    node: &mut Node,
    visible: &Visible,
    after: Option<&Flat>,
    depth: usize,
    kind: Option<Kind>,
    dot: Dot,
) -> bool {
    let top = depth == 1;
    if !top && stamp_here(node, visible, after, dot) {
        return true;
    }
    for (segment, child) in &mut node.children {
        if kind.is_some_and(|kind| segment.kind() != kind) {
            continue;
        }
        let Some(visible) = visible.children.get(segment) else {
            continue;
        };
        let after = after.and_then(|flat| flat.children.get(segment));
        if stamp_first(child, visible, after, depth + 1, None, dot) {
            return true;
        }
    }
    top && stamp_here(node, visible, after, dot)
}

fn stamp_here(node: &mut Node, visible: &Visible, after: Option<&Flat>, dot: Dot) -> bool {
    let emptied = after.is_some_and(|flat| flat.put == Some(Put::Leaf(Leaf::EmptyObject)));
    let Some(leaf) = &visible.leaf else { return false };
    if node.siblings.is_empty() || emptied {
        return false;
    }
    if !node.siblings.contains(dot) {
        // Equal siblings merge into it.
        node.siblings.retain(|_, other| other != leaf);
        node.siblings.insert(dot, leaf.clone());
    }
    true
}
