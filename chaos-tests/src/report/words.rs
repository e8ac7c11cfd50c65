//! The report as it is printed.

use std::fmt;

use rejoin_document::Rule;

use super::numbers::noun;
use super::{PathNumbers, Tried};
use crate::checker;
use crate::ledger::Standing;
use crate::simulation::SeedFailure;

/// At most so many findings of a seed are printed.
const PRINTED_MAX: usize = 5;

/// Advice is given where at least one of so many values did not stay.
const MANY: u64 = 4;

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.summary;
        let datacenters = match self.datacenters {
            (fewest, most) if fewest == most => fewest.to_string(),
            (fewest, most) => format!("{fewest} to {most}"),
        };
        writeln!(
            formatter,
            "{}: {} seeds, {datacenters} datacenters, {} simulated seconds, {} operations, {} faults:",
            summary.stage,
            summary.seeds,
            summary.simulated_ms / 1000,
            summary.operations,
            summary.faults()
        )?;
        for (kind, count) in summary.fired.iter().filter(|(_, count)| **count > 0) {
            writeln!(formatter, "  {:40} {count:>7}", kind.name())?;
        }
        writeln!(formatter)?;
        for (path, rule) in self.rules.iter() {
            let none = PathNumbers::default();
            let numbers = self.numbers.paths.get(path).unwrap_or(&none);
            writeln!(formatter, "{}", sentence(path, rule, numbers))?;
            if let Some(advice) = advice(rule, numbers) {
                writeln!(formatter, "  {advice}")?;
            }
        }
        for failure in &summary.failures {
            broken(failure, formatter)?;
        }
        write!(
            formatter,
            "\n{} acknowledged writes, {} unaccounted",
            self.numbers.acknowledged, self.numbers.unaccounted
        )?;
        if !summary.failures.is_empty() {
            write!(
                formatter,
                ", {} of {} seeds broke a promise",
                summary.failures.len(),
                summary.seeds
            )?;
        }
        Ok(())
    }
}

/// What became of the writes of a path.
fn sentence(path: &str, rule: Rule, numbers: &PathNumbers) -> String {
    let mut text = format!(
        "{path} ({rule}): {} {} were acknowledged, {} of them while the network was disturbed",
        numbers.written,
        noun(rule),
        numbers.in_trouble
    );
    let lost = numbers.count(Standing::Unaccounted);
    if rule == Rule::Counter {
        text.push_str(if lost == 0 {
            "; none is missing from the sum of any copy"
        } else {
            "; some copies ended at another sum"
        });
    }
    let aside = numbers.count(Standing::SetAside);
    if aside > 0 {
        text.push_str(&format!("; {aside} were set aside by the rule"));
        if numbers.kept == aside {
            text.push_str(", each is in the history of its document");
        } else if numbers.kept > 0 {
            text.push_str(&format!(
                ", {} of them are seen in the history of their documents",
                numbers.kept
            ));
        }
    }
    let listed = numbers.count(Standing::Conflict);
    if listed > 0 {
        text.push_str(&format!("; {listed} are listed in open conflicts"));
    }
    text.push_str(&match rule {
        Rule::Counter if lost > 0 => format!("; {lost} are in such a sum"),
        _ => format!("; {lost} lost"),
    });
    let unjudged = numbers.count(Standing::NotJudged);
    if unjudged > 0 {
        text.push_str(&format!("; {unjudged} could not be judged"));
    }
    text
}

/// What the numbers say against a rule.
fn advice(rule: Rule, numbers: &PathNumbers) -> Option<&'static str> {
    let is_much = |standing| numbers.written > 0 && numbers.count(standing) * MANY >= numbers.written;
    match rule {
        Rule::Latest if is_much(Standing::SetAside) => {
            Some("many values gave way to a later one: if people should decide between them, use register")
        }
        Rule::Max | Rule::Min if is_much(Standing::SetAside) => Some(
            "many values gave way to another: if they are to add up, use counter; if people should decide, register",
        ),
        Rule::Register if is_much(Standing::Conflict) => Some(
            "many values wait for somebody to decide: if the newest may win, use latest; if numbers are to add up, counter",
        ),
        _ => None,
    }
}

/// A seed that broke promises: which, and what is needed to look into it.
fn broken(failure: &SeedFailure, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let seed = failure.plan.seed;
    writeln!(formatter, "\nseed {seed} broke what is promised:")?;
    let mut told = None;
    for finding in failure.findings.iter().take(PRINTED_MAX) {
        let name = finding.split(':').next().unwrap_or_default();
        if told.replace(name) != Some(name) {
            let promise = checker::all().iter().find(|checker| checker.name == name);
            let promise = promise.map_or("every run comes to its end", |checker| checker.promise);
            writeln!(formatter, "  {promise}")?;
        }
        writeln!(formatter, "    {finding}")?;
    }
    if failure.findings.len() > PRINTED_MAX {
        writeln!(formatter, "    and {} more", failure.findings.len() - PRINTED_MAX)?;
    }
    if let Some(reduced) = &failure.reduced {
        writeln!(formatter, "  these faults are enough for it:")?;
        for fault in &reduced.plan.faults {
            writeln!(formatter, "    {fault}")?;
        }
    }
    writeln!(
        formatter,
        "  run it again: rejoin chaos RULES_FILE --seeds 1 --first-seed {seed}"
    )?;
    match &failure.history {
        Ok(path) => writeln!(formatter, "  its history: {}", path.display()),
        Err(problem) => writeln!(formatter, "  its history was not written: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn numbers(standings: &[(Standing, u64)], kept: u64) -> PathNumbers {
        PathNumbers {
            written: 10,
            in_trouble: 3,
            standings: standings.iter().copied().collect::<BTreeMap<_, _>>(),
            kept,
        }
    }

    #[test]
    fn a_value_is_in_the_history_only_where_a_history_shows_it() {
        let aside = |kept| sentence("/seen", Rule::Latest, &numbers(&[(Standing::SetAside, 4)], kept));
        let begin = "/seen (latest): 10 values were acknowledged, 3 of them while the network was disturbed; 4 were set aside by the rule";
        assert_eq!(
            aside(4),
            format!("{begin}, each is in the history of its document; 0 lost")
        );
        assert_eq!(
            aside(1),
            format!("{begin}, 1 of them are seen in the history of their documents; 0 lost")
        );
        assert_eq!(aside(0), format!("{begin}; 0 lost"));
    }

    #[test]
    fn a_counter_that_lost_something_does_not_add_up() {
        let kept = sentence("/stock", Rule::Counter, &numbers(&[(Standing::Visible, 10)], 0));
        assert!(
            kept.ends_with("; none is missing from the sum of any copy; 0 lost"),
            "{kept}"
        );
        let lost = sentence("/stock", Rule::Counter, &numbers(&[(Standing::Unaccounted, 2)], 0));
        assert!(
            lost.ends_with("; some copies ended at another sum; 2 are in such a sum"),
            "{lost}"
        );
    }

    #[test]
    fn advice_is_given_where_much_did_not_stay() {
        assert!(advice(Rule::Latest, &numbers(&[(Standing::SetAside, 3)], 0)).is_some());
        assert!(advice(Rule::Latest, &numbers(&[(Standing::SetAside, 2)], 0)).is_none());
        assert!(advice(Rule::Register, &numbers(&[(Standing::Conflict, 3)], 0)).is_some());
        assert!(advice(Rule::Counter, &PathNumbers::default()).is_none());
    }
}
