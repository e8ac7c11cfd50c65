//! One node of the tree of fields.

use std::collections::BTreeMap;

use super::{Kind, Leaf, Segment};
use crate::Dot;
use crate::dot_map::DotMap;

/// The assignments that stand at one path, by the write that made each.
pub(crate) type Siblings = DotMap<Leaf>;

/// What stands at one path and below it. A node of a state is never empty (but for the root, which has no siblings).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Node {
    pub(crate) siblings: Siblings,
    pub(crate) children: BTreeMap<Segment, Node>,
}

impl Node {
    pub(crate) const fn new() -> Self {
        Self {
            siblings: Siblings::new(),
            children: BTreeMap::new(),
        }
    }

    /// Does nothing stand here or below?
    pub(crate) fn is_empty(&self) -> bool {
        self.siblings.is_empty() && self.children.is_empty()
    }

    /// Keeps the assignments here and below for which `keep` holds.
    pub(crate) fn retain(&mut self, keep: &impl Fn(Dot, &Leaf) -> bool) {
        self.siblings.retain(keep);
        self.retain_children(|_, child| {
            child.retain(keep);
            true
        });
    }

    /// Changes every child, and keeps those for which `change` says so and that are not empty then.
    pub(crate) fn retain_children(&mut self, mut change: impl FnMut(&Segment, &mut Self) -> bool) {
        self.children
            .retain(|segment, child| change(segment, child) && !child.is_empty());
    }

    /// A copy of the assignments here and below for which `keep` holds.
    pub(crate) fn filtered(&self, keep: &impl Fn(Dot, &Leaf) -> bool) -> Self {
        let siblings = self.siblings.iter().filter(|(dot, leaf)| keep(*dot, leaf));
        let children = self
            .children
            .iter()
            .map(|(segment, child)| (segment, child.filtered(keep)));
        Self {
            siblings: siblings.map(|(dot, leaf)| (dot, leaf.clone())).collect(),
            children: children
                .filter(|(_, child)| !child.is_empty())
                .map(|(segment, child)| (segment.clone(), child))
                .collect(),
        }
    }

    /// Does any assignment here or below satisfy the test?
    pub(crate) fn any(&self, test: &impl Fn(Dot, &Leaf) -> bool) -> bool {
        self.siblings.iter().any(|(dot, leaf)| test(dot, leaf)) || self.children.values().any(|child| child.any(test))
    }

    /// Does anything that is not a mark of removal stand here or below?
    pub(crate) fn is_live(&self) -> bool {
        self.any(&|_, leaf| leaf.is_live())
    }

    /// The newest write here or below that is not a removal.
    pub(crate) fn newest_live(&self) -> Option<Dot> {
        let here = self
            .siblings
            .iter()
            .rev()
            .find(|(_, leaf)| leaf.is_live())
            .map(|(dot, _)| dot);
        self.children.values().map(Self::newest_live).fold(here, Option::max)
    }

    /// The children that make up one kind of container.
    pub(crate) fn children_of(&self, kind: Kind) -> impl Iterator<Item = (&Segment, &Self)> {
        self.children.iter().filter(move |(segment, _)| segment.kind() == kind)
    }

    /// The entries of a counter that count: what each creation started with, and of each replica its newest increments, which include its earlier
    /// ones. (Where a state holds earlier ones beside them, these do not count.)
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&Segment, &Self)> {
        let superseded = |dot: Dot| {
            let later = |other: &Segment| matches!(other, Segment::Increments(other) if other.replica == dot.replica && *other > dot);
            self.children
                .range(Segment::Increments(dot)..)
                .any(|(other, _)| later(other))
        };
        self.children_of(Kind::Counter)
            .filter(move |(segment, _)| match segment {
                Segment::Increments(dot) => !superseded(*dot),
                _ => true,
            })
    }

    /// The newest assignment here.
    pub(crate) fn newest(&self) -> Option<(Dot, &Leaf)> {
        self.siblings.newest()
    }
}
