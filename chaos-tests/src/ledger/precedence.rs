//! What the rules `latest`, `max` and `min` put first.
//!
//! A write is set aside if another one that its author had not seen comes first by the path's rule. The other need not be shown still: somebody may
//! have overwritten or deleted it since, which is judged where that write is.

use std::collections::BTreeSet;

use rejoin_document::Rule;

use super::Judge;
use crate::history::{Edit, Entry, Json};

/// Whether this rule of `path` put another write before `write`, which assigned `value` (`None`: removed the member).
pub(super) fn is_set_aside(judge: &Judge<'_>, rule: Rule, write: &Entry, (path, value): (&str, Option<&Json>)) -> bool {
    if !matches!(rule, Rule::Latest | Rule::Max | Rule::Min) {
        return false;
    }
    let mut seen = None;
    let mut has_seen = |other: &Entry| match write.has_seen(other) {
        Some(has_seen) => has_seen,
        None => seen
            .get_or_insert_with(|| seen_by(judge, write, path))
            .contains(&other.number),
    };
    judge
        .edits()
        .filter(|(other, edit)| edit.path() == path && other.number != write.number && !has_seen(other))
        .any(|(other, edit)| {
            let is_earlier = rule == Rule::Latest && judge.was_stamped_before(other, edit, write);
            comes_first(rule, (other, edit), (write, value))
                && (other.is_ok() || judge.left_a_trace(other, edit) && !is_earlier)
        })
}

fn comes_first(rule: Rule, (other, edit): (&Entry, &Edit), (write, value): (&Entry, Option<&Json>)) -> bool {
    let number = |value: &Json| value.as_float();
    match (rule, edit, value) {
        (Rule::Latest, Edit::Assign { .. } | Edit::Remove { .. }, _) => is_later(other, write),
        // A number that meets a removal stands, and nothing is listed.
        (Rule::Max | Rule::Min, Edit::Assign { value: other, .. }, None) => number(other).is_some(),
        // Of what is no number none comes first.
        (Rule::Max | Rule::Min, Edit::Assign { value: other, .. }, Some(own)) => match (number(other), number(own)) {
            (Some(other), Some(own)) if rule == Rule::Max => other >= own,
            (Some(other), Some(own)) => other <= own,
            _ => false,
        },
        _ => false,
    }
}

/// What the rule `latest` goes by: causality first, then time. A write that was put on a state that held the other one came after it, whatever the clocks
/// say.
fn is_later(other: &Entry, write: &Entry) -> bool {
    let (after, before) = (
        other.was_put_on(write) == Some(true),
        write.was_put_on(other) == Some(true),
    );
    if after != before {
        return after;
    }
    match (other.stamp(), write.stamp()) {
        (Some(other), Some(own)) => other > own,
        _ => true,
    }
}

/// The writes of `path` that the author of `write` had seen, or the authors of those, and so on; `write` itself too.
fn seen_by(judge: &Judge<'_>, write: &Entry, path: &str) -> BTreeSet<u64> {
    let mut seen = BTreeSet::from([write.number]);
    let mut left = vec![write];
    while let Some(next) = left.pop() {
        let own = next
            .edits
            .iter()
            .filter(|edit| edit.path() == path)
            .flat_map(|edit| edit.read());
        for value in own {
            for (other, edit) in judge.edits() {
                let wrote = matches!(edit, Edit::Assign { path: at, value: it, .. } if at == path && it == value);
                if wrote && next.may_have_seen(other) && seen.insert(other.number) {
                    left.push(other);
                }
            }
        }
    }
    seen
}
