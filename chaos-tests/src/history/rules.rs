//! The merge rules of the database that a log is about.

use std::collections::BTreeMap;

use rejoin_document::Rule;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Rules by JSON pointer; paths without one are registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// In a log: the names of the rules by path.
impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(path, rule)| (path, rule.to_string())))
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = BTreeMap::<String, String>::deserialize(deserializer)?;
        let parsed = names.into_iter().map(|(path, name)| {
            let rule: Rule = name.parse().map_err(serde::de::Error::custom)?;
            Ok((path, rule))
        });
        Ok(Self(parsed.collect::<Result<_, D::Error>>()?))
    }
}
