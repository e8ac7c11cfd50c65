//! Does a change meet one that its author had not seen?

use crate::fields::{Kind, Leaf, Node};
use crate::rules::RuleNode;
use crate::{Dot, Rule, Value};

use super::flatten::Put;

/// What a change makes of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// Removes the leaf.
    Remove,
    /// Puts something there.
    Put(&'a Put),
    /// Adds elements to a set.
    Extend,
}

impl Change<'_> {
    /// The kind of container that the change is about; `None` for a scalar and for a removal.
    pub(super) fn kind(&self, rules: &RuleNode) -> Option<Kind> {
        match self {
            Self::Remove => None,
            Self::Extend => Some(Kind::Set),
            Self::Put(Put::Total(_)) => Some(Kind::Counter),
            Self::Put(Put::Leaf(Leaf::EmptyObject)) => Some(Kind::Object),
            Self::Put(Put::Leaf(Leaf::EmptyArray)) if rules.rule() == Rule::Set => Some(Kind::Set),
            Self::Put(Put::Leaf(_)) => None,
        }
    }

    /// Does an unseen assignment at or below the node not fit beside this change, and no rule settles it?
    pub(super) fn meets(&self, node: &Node, rules: &RuleNode, unseen: &impl Fn(Dot) -> bool) -> bool {
        let kind = self.kind(rules);
        let clashes_here = |(dot, leaf): (Dot, &Leaf)| {
            unseen(dot) && !self.fits_here(kind, leaf) && !self.is_settled(rules.rule(), leaf)
        };
        let clashes_below = |dot: Dot, leaf: &Leaf| unseen(dot) && leaf.is_live();
        let rivals = node.children.iter().filter(|(segment, _)| Some(segment.kind()) != kind);
        node.siblings.iter().any(clashes_here) || rivals.map(|(_, child)| child).any(|child| child.any(&clashes_below))
    }

    fn fits_here(&self, kind: Option<Kind>, leaf: &Leaf) -> bool {
        match self {
            Self::Remove => !leaf.is_live(),
            _ => kind.is_some() && leaf.marks() == kind,
        }
    }

    /// The rule decides between the two.
    fn is_settled(&self, rule: Rule, leaf: &Leaf) -> bool {
        let new = match self {
            Self::Remove => &Leaf::Removed,
            Self::Put(Put::Leaf(leaf)) => leaf,
            Self::Put(Put::Total(_)) | Self::Extend => return false,
        };
        match rule {
            Rule::Latest => leaf.marks().is_none() && new.marks().is_none(),
            Rule::Max | Rule::Min => [leaf, new].into_iter().all(is_number_or_removal),
            Rule::Register | Rule::Counter | Rule::Set => false,
        }
    }
}

fn is_number_or_removal(leaf: &Leaf) -> bool {
    matches!(leaf, Leaf::Removed | Leaf::Scalar(Value::Number(_)))
}
