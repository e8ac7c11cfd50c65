//! Merge rules: how a database's owner wants concurrent writes to a path to be combined. They change how a body is flattened and how siblings
//! resolve, never what a join keeps, so states flow between nodes whatever rules each holds.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::DEPTH_MAX;

/// How concurrent writes to one path are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rule {
    /// The newest is shown, all are listed as a conflict (what every path does without a rule).
    #[default]
    Register,
    /// The newest is shown, a removal included; the others are set aside.
    Latest,
    /// The greatest number is shown; the others are set aside.
    Max,
    /// The least number is shown; the others are set aside.
    Min,
    /// An integer: increments add up.
    Counter,
    /// An array is a set of elements: what one side adds stays, whatever the other removes.
    Set,
}

/// Why rules were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// The rule's name is unknown.
    #[error("rule `{0}` is unknown: use register, latest, max, min, counter or set")]
    UnknownRule(String),
    /// The path is not a JSON pointer to a member.
    #[error("`{0}` is not a JSON pointer to a member: write it like `/stock` or `/o/n`")]
    InvalidPath(String),
    /// One path was given two rules.
    #[error("`{0}` has two different rules")]
    TwoRules(String),
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Register => "register",
            Self::Latest => "latest",
            Self::Max => "max",
            Self::Min => "min",
            Self::Counter => "counter",
            Self::Set => "set",
        })
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Self::Register,
            Self::Latest,
            Self::Max,
            Self::Min,
            Self::Counter,
            Self::Set,
        ];
        all.into_iter()
            .find(|rule| rule.to_string() == text)
            .ok_or_else(|| RuleError::UnknownRule(text.to_owned()))
    }
}

/// A database's rules by path. Compiled to a tree, so that a walk over a body looks each rule up on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleSet {
    by_pointer: BTreeMap<Arc<str>, Rule>,
    root: RuleNode,
}

/// The rules at and below one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RuleNode {
    rule: Rule,
    members: BTreeMap<Arc<str>, RuleNode>,
}

/// The rules below a path that has none.
static NO_RULES: RuleNode = RuleNode {
    rule: Rule::Register,
    members: BTreeMap::new(),
};

impl RuleSet {
    /// Every path is a register.
    pub const fn none() -> Self {
        Self {
            by_pointer: BTreeMap::new(),
            root: RuleNode {
                rule: Rule::Register,
                members: BTreeMap::new(),
            },
        }
    }

    /// Compiles rules by JSON pointer.
    ///
    /// # Errors
    /// [`RuleError::InvalidPath`] for what is not a pointer to a member (the whole body takes no rule), [`RuleError::TwoRules`] for a path that comes
    /// twice with different rules.
    pub fn new<P: AsRef<str>>(rules: impl IntoIterator<Item = (P, Rule)>) -> Result<Self, RuleError> {
        let mut set = Self::none();
        for (pointer, rule) in rules {
            let pointer = pointer.as_ref();
            let invalid = || RuleError::InvalidPath(pointer.to_owned());
            let names = pointer.strip_prefix('/').ok_or_else(invalid)?.split('/');
            let names = names
                .map(crate::fields::unescape)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(invalid)?;
            if names.len() >= DEPTH_MAX {
                return Err(invalid());
            }
            if set
                .by_pointer
                .insert(pointer.into(), rule)
                .is_some_and(|before| before != rule)
            {
                return Err(RuleError::TwoRules(pointer.to_owned()));
            }
            let node = names
                .into_iter()
                .fold(&mut set.root, |node, name| node.members.entry(name.into()).or_default());
            node.rule = rule;
        }
        Ok(set)
    }

    /// These rules with some put in the place of those of the same paths, and without those of other paths.
    #[must_use]
    pub fn changed<P: AsRef<str>>(&self, set: &Self, remove: &[P]) -> Self {
        let removed = |path: &str| remove.iter().any(|other| other.as_ref() == path);
        let kept = self
            .iter()
            .filter(|(path, _)| !removed(path) && !set.by_pointer.contains_key(*path));
        // All of them were valid, and no path is in both.
        Self::new(kept.chain(set.iter())).unwrap_or_default()
    }

    /// The rules by JSON pointer, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Rule)> {
        self.by_pointer.iter().map(|(pointer, rule)| (&**pointer, *rule))
    }

    /// Is every path a register?
    pub fn is_empty(&self) -> bool {
        self.by_pointer.is_empty()
    }

    pub(crate) const fn root(&self) -> &RuleNode {
        &self.root
    }
}

impl RuleNode {
    pub(crate) const fn rule(&self) -> Rule {
        self.rule
    }

    pub(crate) fn member(&self, name: &str) -> &Self {
        self.members.get(name).unwrap_or(&NO_RULES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_on_the_way_down() {
        let rules =
            RuleSet::new([("/o/n", Rule::Counter), ("/a~1b", Rule::Set), ("/o", Rule::Latest)]).expect("valid rules");
        assert_eq!(rules.root().member("o").rule(), Rule::Latest);
        assert_eq!(rules.root().member("o").member("n").rule(), Rule::Counter);
        assert_eq!(rules.root().member("a/b").rule(), Rule::Set);
        assert_eq!(rules.root().member("x").member("n").rule(), Rule::Register);
    }

    #[test]
    fn a_change_leaves_the_rules_of_other_paths_as_they_are() {
        let rules = |of: &[(&str, Rule)]| RuleSet::new(of.iter().copied()).expect("valid rules");
        let before = rules(&[("/a", Rule::Max), ("/b", Rule::Set), ("/c", Rule::Counter)]);
        let after = before.changed(&rules(&[("/a", Rule::Min), ("/d", Rule::Latest)]), &["/b", "/x"]);
        assert_eq!(
            after,
            rules(&[("/a", Rule::Min), ("/c", Rule::Counter), ("/d", Rule::Latest)])
        );
    }

    #[test]
    fn bad_rules_are_refused_with_their_reason() {
        for bad in ["", "stock", "/a~2", "/a~"] {
            assert_eq!(
                RuleSet::new([(bad, Rule::Max)]),
                Err(RuleError::InvalidPath(bad.to_owned())),
                "{bad}"
            );
        }
        assert_eq!(
            RuleSet::new([("/a", Rule::Max), ("/a", Rule::Min)]),
            Err(RuleError::TwoRules("/a".to_owned()))
        );
        assert_eq!("sum".parse::<Rule>(), Err(RuleError::UnknownRule("sum".to_owned())));
        assert_eq!("max".parse(), Ok(Rule::Max));
    }
}
