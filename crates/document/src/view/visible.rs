//! Which leaves a body shows. A commit needs it where a rival could take the place of what a removal leaves behind.

use std::collections::BTreeMap;

use crate::fields::{Leaf, Segment};

/// The visible leaves at and below one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Visible {
    pub(crate) leaf: Option<Leaf>,
    pub(crate) children: BTreeMap<Segment, Visible>,
}

impl Visible {
    pub(crate) fn is_empty(&self) -> bool {
        self.leaf.is_none() && self.children.is_empty()
    }
}
