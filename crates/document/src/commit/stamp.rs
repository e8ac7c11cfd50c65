//! Stamps visible leaves with a write's dot. A node that came back with an older disk does so with all of them until it has caught up: its peers may
//! have forgotten what it still shows.

use crate::Dot;
use crate::fields::{Leaf, Node};
use crate::view::Visible;

/// Gives every visible leaf the dot, beside the siblings that differ from it. Where the write itself put something that is not what is visible, both
/// stay as they are: one dot has one value at a path.
pub(super) fn stamp_all(node: &mut Node, visible: &Visible, dot: Dot) {
    if let Some(leaf) = &visible.leaf {
        let own = |other, _: &Leaf| other == dot;
        let is_own = if leaf.marks().is_some() {
            node.siblings.contains(dot)
        } else {
            node.any(&own)
        };
        if !is_own {
            assign(node, leaf, dot);
        }
    }
    let own = node.siblings.get(dot);
    if own.is_some_and(|own| own.marks().is_none()) {
        return;
    }
    for (segment, visible) in &visible.children {
        if let Some(child) = node.children.get_mut(segment) {
            stamp_all(child, visible, dot);
        }
    }
}

/// Assigns a leaf that is visible already: equal siblings merge into it.
pub(super) fn assign(node: &mut Node, leaf: &Leaf, dot: Dot) {
    node.siblings.retain(|_, other| other != leaf);
    node.siblings.insert(dot, leaf.clone());
}
