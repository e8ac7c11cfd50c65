//! Granularities and merge rules.

use rejoin_document::{Granularity, Rule, RuleSet};

use super::ConvertError;
use crate::proto;

impl From<Granularity> for proto::Granularity {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Field => Self::Field,
            Granularity::Document => Self::Document,
        }
    }
}

impl From<proto::Granularity> for Granularity {
    fn from(granularity: proto::Granularity) -> Self {
        match granularity {
            proto::Granularity::Unspecified | proto::Granularity::Field => Self::Field,
            proto::Granularity::Document => Self::Document,
        }
    }
}

impl From<Rule> for proto::MergeRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Register => Self::Register,
            Rule::Latest => Self::Latest,
            Rule::Max => Self::Max,
            Rule::Min => Self::Min,
            Rule::Counter => Self::Counter,
            Rule::Set => Self::Set,
        }
    }
}

impl TryFrom<proto::MergeRule> for Rule {
    type Error = ConvertError;

    fn try_from(rule: proto::MergeRule) -> Result<Self, Self::Error> {
        match rule {
            proto::MergeRule::Unspecified => Err(ConvertError::UnknownRule { number: rule as i32 }),
            proto::MergeRule::Register => Ok(Self::Register),
            proto::MergeRule::Latest => Ok(Self::Latest),
            proto::MergeRule::Max => Ok(Self::Max),
            proto::MergeRule::Min => Ok(Self::Min),
            proto::MergeRule::Counter => Ok(Self::Counter),
            proto::MergeRule::Set => Ok(Self::Set),
        }
    }
}

/// The rules of a definition, in ascending order of their paths.
pub fn rules_to_proto(rules: &RuleSet) -> Vec<proto::PathRule> {
    let mut result: Vec<proto::PathRule> = rules
        .iter()
        .map(|(path, rule)| proto::PathRule {
            path: path.to_string(),
            rule: proto::MergeRule::from(rule).into(),
        })
        .collect();
    result.sort_by(|a, b| a.path.cmp(&b.path));
    result
}

/// Reads the rules of a definition.
///
/// # Errors
///
/// A rule is not known to this version, a path is not a JSON pointer or stands there twice.
pub fn rules_from_proto(rules: Vec<proto::PathRule>) -> Result<RuleSet, ConvertError> {
    let mut result = Vec::with_capacity(rules.len());
    for rule in rules {
        let known =
            proto::MergeRule::try_from(rule.rule).map_err(|_| ConvertError::UnknownRule { number: rule.rule })?;
        result.push((rule.path, Rule::try_from(known)?));
    }
    Ok(RuleSet::new(result)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: [Rule; 6] = [
        Rule::Register,
        Rule::Latest,
        Rule::Max,
        Rule::Min,
        Rule::Counter,
        Rule::Set,
    ];

    proptest! {
        #[test]
        fn rules_survive_the_wire(rules in prop::collection::btree_map("/[a-z]{1,4}", 0..RULES.len(), 0..6)) {
            let rules = RuleSet::new(rules.into_iter().map(|(path, rule)| (path, RULES[rule]))).unwrap();
            prop_assert_eq!(rules_from_proto(rules_to_proto(&rules)).unwrap(), rules);
        }
    }

    #[test]
    fn granularities_survive_the_wire() {
        for granularity in [Granularity::Field, Granularity::Document] {
            assert_eq!(Granularity::from(proto::Granularity::from(granularity)), granularity);
        }
    }

    #[test]
    fn an_unknown_rule_is_refused_with_its_number() {
        for number in [0, 99] {
            let rules = vec![proto::PathRule {
                path: "/a".into(),
                rule: number,
            }];
            let error = rules_from_proto(rules).unwrap_err();
            assert!(matches!(error, ConvertError::UnknownRule { number: found } if found == number));
        }
    }
}
