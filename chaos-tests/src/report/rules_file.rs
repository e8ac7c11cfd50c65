//! The rules file of a user: TOML, in the words of `rejoin database create`.
//!
//! ```toml
//! granularity = "field"     # the default
//!
//! [rules]
//! "/stock" = "counter"
//! "/seen" = "latest"
//! ```
//!
//! A file that a simulation cannot judge is refused, so that no report says less than it seems to.

use std::collections::BTreeMap;
use std::fmt;

use rejoin_document::{Rule, RuleError, RuleSet};
use serde::Deserialize;
use toml::Spanned;

use crate::history::Rules;
use crate::workload::overlap;

/// Where the simulation itself changes rules, so that datacenters differ in them.
const RESERVED: &str = "/unused";

/// Why a rules file was refused: the line, what is wrong with it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesFileError {
    line: Option<usize>,
    problem: String,
}

impl fmt::Display for RulesFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for RulesFileError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    granularity: Option<Spanned<String>>,
    #[serde(default)]
    rules: BTreeMap<String, Spanned<String>>,
}

/// The rules that a file holds.
///
/// # Errors
/// It is no TOML or has other members, a rule or a path is wrong, one path lies in another, the granularity is not `field`, or there is no rule.
pub fn parse_rules(text: &str) -> Result<Rules, RulesFileError> {
    let line_of = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let problem = |at: usize, problem: String| RulesFileError {
        line: Some(line_of(at)),
        problem,
    };
    let file: File = toml::from_str(text).map_err(|error| RulesFileError {
        line: error.span().map(|span| line_of(span.start)),
        problem: format!(
            "{}; a rules file has `granularity = \"field\"` and a table [rules] with lines like \"/stock\" = \"counter\"",
            error.message().trim_end()
        ),
    })?;
    if let Some(granularity) = &file.granularity {
        refuse_granularity(granularity.get_ref()).map_err(|what| problem(granularity.span().start, what))?;
    }
    let mut rules: Vec<(&str, Rule)> = Vec::new();
    for (path, name) in &file.rules {
        let refused = |what: String| problem(name.span().start, what);
        let rule: Rule = name
            .get_ref()
            .parse()
            .map_err(|error: RuleError| refused(error.to_string()))?;
        RuleSet::new([(path, rule)]).map_err(|error| refused(error.to_string()))?;
        refuse_overlap(path, rules.iter().map(|(other, _)| *other)).map_err(refused)?;
        rules.push((path, rule));
    }
    if rules.is_empty() {
        return Err(RulesFileError {
            line: None,
            problem: "there is no rule in it: add a table [rules] with lines like \"/stock\" = \"counter\"".to_owned(),
        });
    }
    Ok(Rules::new(rules))
}

fn refuse_granularity(granularity: &str) -> Result<(), String> {
    match granularity {
        "field" => Ok(()),
        "document" => Err(
            "granularity `document` merges nothing, so there are no rules to try, and what became of a write cannot be told path by path: \
             use `field`, or leave the line out"
                .to_owned(),
        ),
        other => Err(format!("granularity `{other}` is unknown: use `field`, or leave the line out")),
    }
}

fn refuse_overlap<'a>(path: &str, mut others: impl Iterator<Item = &'a str>) -> Result<(), String> {
    if overlap(path, RESERVED) {
        return Err(format!(
            "`{path}`: the simulation changes the rules of `{RESERVED}` itself while it runs: give the path another name"
        ));
    }
    match others.find(|other| overlap(path, other)) {
        Some(other) => Err(format!(
            "`{path}` lies in `{other}`: each write of the one would replace the other; try them in two files"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse_rules(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_has_all_rules_in_the_words_of_the_commands() {
        let text = "granularity = \"field\"\n\n[rules]\n\"/a\" = \"counter\"\n\"/b/c\" = \"set\"\n\"/d\" = \"latest\"\n\"/e\" = \"max\"\n\"/f\" = \
                    \"min\"\n\"/g\" = \"register\"\n";
        let expected = Rules::new([
            ("/a", Rule::Counter),
            ("/b/c", Rule::Set),
            ("/d", Rule::Latest),
            ("/e", Rule::Max),
            ("/f", Rule::Min),
            ("/g", Rule::Register),
        ]);
        assert_eq!(parse_rules(text).unwrap(), expected);
        let short = "[rules]\n\"/a\" = \"counter\"\n";
        assert_eq!(parse_rules(short).unwrap(), Rules::new([("/a", Rule::Counter)]));
    }

    #[test]
    fn an_unknown_rule_is_refused_with_its_line_and_the_rules_there_are() {
        assert_eq!(
            refused("[rules]\n\"/a\" = \"set\"\n\"/b\" = \"countr\"\n"),
            "line 3: rule `countr` is unknown: use register, latest, max, min, counter or set"
        );
    }

    #[test]
    fn what_is_no_pointer_is_refused_with_its_line() {
        assert_eq!(
            refused("# mine\n[rules]\nstock = \"counter\"\n"),
            "line 3: `stock` is not a JSON pointer to a member: write it like `/stock` or `/o/n`"
        );
    }

    #[test]
    fn a_path_in_another_is_refused() {
        assert_eq!(
            refused("[rules]\n\"/o\" = \"latest\"\n\"/o/n\" = \"counter\"\n"),
            "line 3: `/o/n` lies in `/o`: each write of the one would replace the other; try them in two files"
        );
        assert!(
            refused("[rules]\n\"/unused/x\" = \"max\"\n").starts_with("line 2: `/unused/x`: the simulation changes")
        );
    }

    #[test]
    fn granularity_document_and_others_are_refused_with_the_reason() {
        assert!(
            refused("granularity = \"document\"\n[rules]\n")
                .starts_with("line 1: granularity `document` merges nothing")
        );
        assert!(refused("\ngranularity = \"row\"\n").starts_with("line 2: granularity `row` is unknown: use `field`"));
    }

    #[test]
    fn what_is_no_rules_file_is_refused_with_its_line_and_how_one_looks() {
        for (text, line) in [
            ("[rules\n", "line 1: "),
            ("[rules]\n\"/a\" = 7\n", "line 2: "),
            ("[rules]\n\"/a\" = \"set\"\n\"/a\" = \"max\"\n", "line 3: "),
            ("[rule]\n\"/a\" = \"set\"\n", "line 1: "),
        ] {
            let message = refused(text);
            assert!(
                message.starts_with(line) && message.contains("a table [rules]"),
                "{message}"
            );
        }
        assert!(refused("").starts_with("there is no rule in it: add a table [rules]"));
    }
}
