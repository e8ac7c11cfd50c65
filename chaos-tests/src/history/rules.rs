//! The merge rules of the database that a log is about.

use std::collections::BTreeMap;

use rejoin_document::Rule;

/// Rules by JSON pointer; paths without one are registers.
#[derive(Clone, Debug, Default)]
pub struct Rules(BTreeMap<String, Rule>);

impl Rules {
    /// Rules from pairs of path and rule.
    pub fn new<'a>(rules: impl IntoIterator<Item = (&'a str, Rule)>) -> Self {
        Self(rules.into_iter().map(|(path, rule)| (path.to_owned(), rule)).collect())
    }

    /// The rule of a path.
    pub fn rule_of(&self, path: &str) -> Rule {
        self.0.get(path).copied().unwrap_or(Rule::Register)
    }

    /// The paths that have a rule of this kind.
    pub fn paths(&self, rule: Rule) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(_, other)| **other == rule)
            .map(|(path, _)| path.as_str())
    }

    /// All rules, in ascending order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Rule)> {
        self.0.iter().map(|(path, rule)| (path.as_str(), *rule))
    }
}
