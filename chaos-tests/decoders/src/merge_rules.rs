//! Merge rules, as text (`/stock counter`, one on a line) and as a definition carries them.

use rejoin_api::{rules_from_proto, rules_to_proto};
use rejoin_document::{Rule, RuleSet};

use crate::Outcome;
use crate::memory::bounded;

/// Rules are listed as what makes the same rules again.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Outcome::Refused;
    };
    let Some(rules) = bounded(bytes.len(), || parse(text)) else {
        return Outcome::Refused;
    };
    let again = RuleSet::new(rules.iter()).expect("what is listed is valid");
    assert_eq!(again, rules);
    let arrived = rules_from_proto(rules_to_proto(&rules)).expect("what is sent arrives");
    assert_eq!(arrived, rules);
    assert_eq!(
        rules.changed::<&str>(&rules, &[]),
        rules,
        "the same rules change nothing"
    );
    let all: Vec<&str> = rules.iter().map(|(path, _)| path).collect();
    assert_eq!(rules.changed(&RuleSet::none(), &all), RuleSet::none());
    Outcome::Decoded
}

fn parse(text: &str) -> Option<RuleSet> {
    let rules = text.lines().map(|line| {
        let (path, rule) = line.rsplit_once(' ')?;
        Some((path, rule.parse::<Rule>().ok()?))
    });
    RuleSet::new(rules.collect::<Option<Vec<_>>>()?).ok()
}
