//! Counters (the part of I1 that a single value cannot show): a counter shows the sum of all acknowledged increments, and any of those without an
//! answer. Attempts under one request id count once.
//!
//! What went with a delete or a removal whose author may have seen it may be missing. In a reading, only what the node certainly had must be counted.
//! The sum is held against bounds; the ledger looks for the exact one where there are few possibilities.

use rejoin_document::Rule;

use super::documents::{Documents, Track, sampled};
use super::{Checked, Violation};
use crate::history::{Edit, Entry, History, Tick};
use crate::ledger::Addition;
use crate::view::View;

/// The checker's name.
pub const NAME: &str = "counters";

/// Checks every counter in each final state, and in readings.
pub fn check(history: &History) -> Checked {
    let documents = Documents::of(history);
    let mut checked = Checked::default();
    for (place, state) in history.final_states() {
        for (id, track) in documents.iter() {
            let there = |index: usize| track.entries()[index].is_ok();
            let view = state.picture.documents.get(id);
            checked.add(look(track, view, state.at, there).at(&state.datacenter, id, place));
        }
    }
    for (place, reading, view) in sampled(history) {
        if let Some(track) = documents.track(&reading.document) {
            let certain = documents.at_node(track, reading);
            let there = |index: usize| certain.contains(&index);
            checked.add(look(track, view, reading.at, there).at(&reading.datacenter, &reading.document, place));
        }
    }
    checked
}

/// What one view shows of the counters of one document: path, problem if there is one, the writes that say so.
struct Look(Vec<(String, Option<String>, Vec<usize>)>);

impl Look {
    fn at(self, datacenter: &str, document: &str, place: usize) -> Checked {
        let mut checked = Checked::default();
        for (path, problem, events) in self.0 {
            checked.item(problem.map(|problem| {
                let what = format!("{path} of {document} at {datacenter} {problem}");
                Violation::new(NAME, what, events.into_iter().chain([place]))
            }));
        }
        checked
    }
}

fn look(track: &Track<'_>, view: Option<&View>, at: Tick, there: impl Fn(usize) -> bool) -> Look {
    let mut found = Vec::new();
    for path in track.rules().paths(Rule::Counter) {
        let summands = summands(track, path, at, &there);
        if summands.is_empty() {
            continue;
        }
        let required = summands.iter().filter(|summand| summand.required);
        let events = track.places(required.clone().flat_map(|summand| summand.writes.iter().copied()));
        let least = sum(&summands, |amount| amount.min(0));
        let most = sum(&summands, |amount| amount.max(0));
        let shown = view.and_then(|view| view.body.get(path));
        let problem = match shown.as_ref().map(|value| value.as_integer()) {
            Some(Some(shown)) if (least..=most).contains(&shown) => None,
            Some(Some(shown)) => Some(format!("shows {shown}, not {least} to {most}")),
            // It is in a conflict of kinds: the ledger says what became of it.
            Some(None) => None,
            None if required.count() == 0 => None,
            None => Some(format!("is gone, and should show {least} to {most}")),
        };
        found.push((path.to_owned(), problem, events));
    }
    Look(found)
}

/// The sum of what must count, and of what may count as `open` takes it.
fn sum(summands: &[Summand], open: impl Fn(i128) -> i128) -> i128 {
    let amounts = summands.iter().map(|summand| {
        if summand.required {
            summand.amount
        } else {
            open(summand.amount)
        }
    });
    amounts.fold(0, i128::saturating_add)
}

/// Something that is added once, whatever number of writes did it.
struct Summand {
    amount: i128,
    required: bool,
    writes: Vec<usize>,
}

fn summands(track: &Track<'_>, path: &str, at: Tick, there: impl Fn(usize) -> bool) -> Vec<Summand> {
    let entries = track.entries().iter().copied().enumerate();
    let begun = entries.filter(|(_, entry)| entry.invoked < at);
    let summands = Addition::all(begun, path).into_iter().map(|addition| {
        let certain = |index: &usize| {
            let entry = track.entries()[*index];
            entry.is_ok() && there(*index) && !may_be_stopped(track, entry, path)
        };
        Summand {
            amount: addition.amount,
            required: addition.writes.iter().any(certain),
            writes: addition.writes,
        }
    });
    summands.collect()
}

/// Whether somebody who may have seen the write removed the counter or its document.
fn may_be_stopped(track: &Track<'_>, entry: &Entry, path: &str) -> bool {
    let stops = |edit: &Edit| matches!(edit, Edit::Stop { path: at, .. } if at == path);
    let mut others = track.entries().iter();
    others.any(|other| other.may_have_seen(entry) && (other.delete || other.edits.iter().any(stops)))
}
