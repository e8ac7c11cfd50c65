//! The merge rules of the database that a log is about.
//!
//! A rule may change while its path is written. What a single write did is said by its edits, which were made under the rule that its node knew. What
//! became of it is judged under all the rules that the path had, since each of them may have decided: such a path is *turned*.

use std::collections::BTreeMap;

use rejoin_document::Rule;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Rules by JSON pointer; paths without one are registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    by_path: BTreeMap<String, Rule>,
    /// Every rule that a path had somewhere, for those that had several.
    turned: BTreeMap<String, Vec<Rule>>,
}

impl Rules {
    /// Rules from pairs of path and rule.
    pub fn new<'a>(rules: impl IntoIterator<Item = (&'a str, Rule)>) -> Self {
        Self {
            by_path: rules.into_iter().map(|(path, rule)| (path.to_owned(), rule)).collect(),
            turned: BTreeMap::new(),
        }
    }

    /// The rule of a path.
    pub fn rule_of(&self, path: &str) -> Rule {
        self.by_path.get(path).copied().unwrap_or(Rule::Register)
    }

    /// The paths that have a rule of this kind, and have had no other.
    pub fn paths(&self, rule: Rule) -> impl Iterator<Item = &str> {
        self.by_path
            .iter()
            .filter(move |(path, other)| **other == rule && !self.turned.contains_key(*path))
            .map(|(path, _)| path.as_str())
    }

    /// All rules, in ascending order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Rule)> {
        self.by_path.iter().map(|(path, rule)| (path.as_str(), *rule))
    }

    /// All the rules that a path had, if it had several.
    pub fn turned(&self, path: &str) -> Option<&[Rule]> {
        self.turned.get(path).map(Vec::as_slice)
    }

    /// These rules are in force somewhere, too; they are the newest.
    pub fn learn(&mut self, known: &Self) {
        let mut paths: Vec<&String> = self.by_path.keys().chain(known.by_path.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut turned = self.turned.clone();
        for path in paths {
            let (before, now) = (self.rule_of(path), known.rule_of(path));
            if before != now {
                let had = turned.entry(path.clone()).or_insert_with(|| vec![before]);
                if !had.contains(&now) {
                    had.push(now);
                }
            }
        }
        self.turned = turned;
        self.by_path = known.by_path.clone();
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
        Ok(Self {
            by_path: parsed.collect::<Result<_, D::Error>>()?,
            turned: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_turned_by_another_rule_and_stays_so() {
        let first = Rules::new([("/a", Rule::Max), ("/b", Rule::Set)]);
        let mut rules = first.clone();
        rules.learn(&first);
        assert_eq!(rules, first);
        rules.learn(&Rules::new([("/b", Rule::Set), ("/c", Rule::Latest)]));
        rules.learn(&first);
        assert_eq!(rules.turned("/a"), Some([Rule::Max, Rule::Register].as_slice()));
        assert_eq!(rules.turned("/c"), Some([Rule::Register, Rule::Latest].as_slice()));
        assert_eq!((rules.turned("/b"), rules.rule_of("/a")), (None, Rule::Max));
        assert_eq!(
            rules.paths(Rule::Max).next(),
            None,
            "what is held to one rule must have had no other"
        );
    }
}
