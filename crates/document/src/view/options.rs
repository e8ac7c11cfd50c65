//! What could stand at one path: a scalar, or a container of one kind. The newest write decides.

use crate::fields::{Kind, Leaf, Node};
use crate::{Dot, Rule, Value};

/// One thing that could stand at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Choice {
    Counter,
    Object,
    Scalar,
    Set,
}

impl Choice {
    pub(super) const ALL: [Self; 4] = [Self::Counter, Self::Object, Self::Scalar, Self::Set];

    pub(super) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Counter => Some(Kind::Counter),
            Self::Object => Some(Kind::Object),
            Self::Set => Some(Kind::Set),
            Self::Scalar => None,
        }
    }

    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Object => Self::Object,
            Kind::Set => Self::Set,
            Kind::Counter => Self::Counter,
        }
    }
}

/// The assignments at one path, sorted out.
pub(super) struct Options<'a> {
    node: &'a Node,
    pub(super) scalars: Vec<(Dot, &'a Value)>,
    pub(super) removals: Vec<Dot>,
    present: [bool; Choice::ALL.len()],
}

impl<'a> Options<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        let mut options = Self {
            node,
            scalars: Vec::new(),
            removals: Vec::new(),
            present: [false; 4],
        };
        for (dot, leaf) in node.siblings.iter() {
            match leaf {
                Leaf::Scalar(value) => options.scalars.push((dot, value)),
                Leaf::Removed => options.removals.push(dot),
                _ => {}
            }
            if let Some(kind) = leaf.marks() {
                options.present[Choice::of(kind) as usize] = true;
            }
        }
        #[cfg(debug_assertions)]
        crate::planted::stir(&mut options.scalars);
        options.present[Choice::Scalar as usize] = !options.scalars.is_empty();
        for (segment, child) in &node.children {
            let present = &mut options.present[Choice::of(segment.kind()) as usize];
            *present = *present || child.is_live();
        }
        options
    }

    /// What could stand here.
    pub(super) fn choices(&self) -> impl Iterator<Item = Choice> {
        Choice::ALL.into_iter().filter(|choice| self.present[*choice as usize])
    }

    /// What does stand here: the one with the newest write.
    pub(super) fn winner(&self) -> Option<Choice> {
        let mut choices = self.choices();
        let first = choices.next()?;
        match choices.next() {
            None => Some(first),
            Some(_) => self.choices().max_by_key(|choice| (self.newest(*choice), *choice)),
        }
    }

    /// The newest write that speaks for a choice.
    pub(super) fn newest(&self, choice: Choice) -> Option<Dot> {
        let Some(kind) = choice.kind() else {
            return self.scalars.last().map(|(dot, _)| *dot);
        };
        let marks = self
            .node
            .siblings
            .iter()
            .filter(|(_, leaf)| leaf.marks() == Some(kind))
            .map(|(dot, _)| dot);
        marks.max().max(
            self.node
                .children_of(kind)
                .filter_map(|(_, child)| child.newest_live())
                .max(),
        )
    }

    /// What the scalars show under a rule (`None`: nothing), and whether that leaves a conflict open.
    pub(super) fn resolve(&self, rule: Rule) -> (Option<&'a Value>, bool) {
        let Some((newest_dot, newest)) = self.scalars.last().copied() else {
            return (None, false);
        };
        match rule {
            Rule::Latest => {
                let removed_last = self.removals.last().is_some_and(|removal| *removal > newest_dot);
                return ((!removed_last).then_some(newest), false);
            }
            Rule::Max | Rule::Min => {
                if let Some(extreme) = self.extreme(rule) {
                    return (Some(extreme), false);
                }
            }
            Rule::Register | Rule::Counter | Rule::Set => {}
        }
        let disagree = self.scalars.windows(2).any(|pair| pair[0].1 != pair[1].1);
        (Some(newest), disagree || !self.removals.is_empty())
    }

    /// The greatest or least of the scalars, if all are numbers; of equal ones the newest.
    fn extreme(&self, rule: Rule) -> Option<&'a Value> {
        let numbers = self
            .scalars
            .iter()
            .map(|(_, value)| value.as_number().map(|number| (number, *value)));
        let numbers = numbers.collect::<Option<Vec<_>>>()?.into_iter().rev();
        let better = |order: std::cmp::Ordering| {
            if rule == Rule::Max {
                order.is_gt()
            } else {
                order.is_lt()
            }
        };
        numbers
            .reduce(|best, next| {
                if better(next.0.compare_numeric(best.0)) {
                    next
                } else {
                    best
                }
            })
            .map(|(_, value)| value)
    }
}
