//! I1, never reverted: every acknowledged write is visible, overwritten by a writer who had seen it, listed, or set aside by a rule; and nothing is
//! shown that nobody wrote.
//!
//! What the nodes show at the end is held against all writes (the [`crate::ledger`]); what they showed meanwhile against those that the node had
//! acknowledged itself, or knew. What resolutions took away must be in the history of some node, where the history was asked for.

use std::collections::BTreeMap;

use super::track::{Problem, Track};
use super::{Case, Checked, Violation};
use crate::history::{Entry, History, Reading};
use crate::ledger::{Account, Shelf};
use crate::view::{Body, View};

/// The checker's name.
pub const NAME: &str = "never_reverted";

/// Judges every write against each final state, and against readings.
pub fn check(case: &Case<'_>) -> Checked {
    let mut checked = at_the_end(case.history);
    checked.add(meanwhile(case));
    checked.add(kept(case.history));
    checked
}

/// What became of every write, at each node at the end.
pub fn account(history: &History) -> Account {
    let log: Vec<&Entry> = history.writes().map(|(_, entry)| entry).collect();
    let states: Vec<_> = history.final_states().collect();
    let shelves: Vec<_> = states
        .iter()
        .map(|(_, state)| Shelf {
            datacenter: &state.datacenter,
            documents: &state.picture.documents,
        })
        .collect();
    Account::of(&log, &shelves, history.terms(), history.let_go())
}

fn at_the_end(history: &History) -> Checked {
    let account = account(history);
    let writes: BTreeMap<u64, usize> = history.writes().map(|(place, entry)| (entry.number, place)).collect();
    let ends: BTreeMap<&str, usize> = history
        .final_states()
        .map(|(place, state)| (state.datacenter.as_str(), place))
        .collect();
    let findings = account.findings.iter().chain(&account.phantoms);
    let violations = findings.map(|finding| {
        let what = format!(
            "{:?} of {} at {}: {}",
            finding.path, finding.document, finding.datacenter, finding.problem
        );
        let write = finding.number.and_then(|number| writes.get(&number));
        let end = ends.get(finding.datacenter.as_str());
        Violation::new(NAME, what, write.into_iter().chain(end).copied())
    });
    Checked {
        items: account.acknowledged * account.nodes.len(),
        violations: violations.collect(),
    }
}

fn meanwhile(case: &Case<'_>) -> Checked {
    let mut checked = Checked::default();
    for sample in &case.samples {
        let (place, reading, view) = (sample.place, sample.reading, sample.view);
        let what = |problem: &str| format!("{} at {}: {problem}", reading.document, reading.datacenter);
        let Some(track) = case.documents.track(&reading.document) else {
            let shown = view.is_some_and(|view| !view.body.leaves().is_empty());
            checked.item(shown.then(|| Violation::new(NAME, what("nobody wrote this document"), [place])));
            continue;
        };
        let mut problems = track.problems(view, reading.at, &sample.certain);
        problems.extend(view.into_iter().flat_map(|view| phantoms(track, reading, view)));
        let found = problems
            .into_iter()
            .map(|(problem, events)| Violation::new(NAME, what(&problem), events.into_iter().chain([place])));
        checked.item(found);
    }
    checked
}

/// What is shown although no write that had been sent by then put it there. Numbers that add up and elements of sets have checkers of their own.
fn phantoms(track: &Track<'_>, reading: &Reading, view: &View) -> Vec<Problem> {
    let leaves = view.body.leaves().into_iter();
    // A set that lost its elements is an empty array that nobody assigned.
    let unknown =
        leaves.filter(|(path, value)| value.as_str() != "[]" && !track.may_be_written(path, value, reading.at));
    unknown
        .map(|(path, value)| (format!("{path} shows {value}, which nobody wrote"), Vec::new()))
        .collect()
}

/// What a resolution set aside stays in the history of at least one node.
fn kept(history: &History) -> Checked {
    let kept: Vec<_> = history
        .final_states()
        .filter_map(|(_, state)| state.kept.as_ref())
        .collect();
    let mut checked = Checked::default();
    if kept.is_empty() {
        return checked;
    }
    let resolutions = history
        .writes()
        .filter(|(_, entry)| entry.facts.resolves && entry.is_ok());
    for (place, entry) in resolutions {
        let bodies: Vec<&Body> = kept
            .iter()
            .filter_map(|kept| kept.get(&entry.document))
            .flatten()
            .collect();
        let shown = history
            .final_states()
            .filter_map(|(_, state)| state.picture.documents.get(&entry.document));
        let shown: Vec<&View> = shown.collect();
        for edit in &entry.edits {
            for value in edit.read() {
                let at = |body: &Body| body.get(edit.path()).as_ref() == Some(value);
                let is_kept = bodies.iter().any(|body| at(body)) || shown.iter().any(|view| at(&view.body));
                let what = || format!("{value} at {} of {} is in no history", edit.path(), entry.document);
                checked.item((!is_kept).then(|| Violation::new(NAME, what(), [place])));
            }
        }
    }
    checked
}
