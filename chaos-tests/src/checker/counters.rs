//! Counters (the part of I1 that a single value cannot show): a counter shows the sum of all acknowledged increments, and any of those without an
//! answer. Attempts under one request id count once.
//!
//! What went with a delete or a removal whose author may have seen it may be missing. In a reading, only what the node certainly had must be counted.
//! The sum is held against bounds; the ledger looks for the exact one where there are few possibilities.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use super::once::Once;
use super::track::Track;
use super::{Case, Checked, Violation};
use crate::history::{Edit, Entry, Tick};
use crate::ledger::Addition;
use crate::view::View;

/// The checker's name.
pub const NAME: &str = "counters";

/// Checks every counter in each final state, and in readings.
pub fn check(case: &Case<'_>) -> Checked {
    let documents = &case.documents;
    let counters: BTreeMap<&str, Vec<Counter<'_>>> =
        documents.iter().map(|(id, track)| (id, counters(track))).collect();
    let mut at_the_end: BTreeMap<&str, Once<'_, Look>> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, state) in case.history.final_states() {
        for (id, track) in documents.iter() {
            let there = |index: usize| track.entries()[index].is_ok();
            let view = state.picture.documents.get(id);
            let once = at_the_end.entry(id).or_default();
            let look = once.of(track, view, state.at, || {
                look(track, &counters[id], view, (state.at, &there))
            });
            checked.add(look.at(&state.datacenter, id, place));
        }
    }
    for sample in &case.samples {
        let reading = sample.reading;
        if let Some(track) = documents.track(&reading.document) {
            let there = |index: usize| sample.certain.contains(&index);
            let counters = &counters[reading.document.as_str()];
            let look = look(track, counters, sample.view, (reading.at, &there));
            checked.add(look.at(&reading.datacenter, &reading.document, sample.place));
        }
    }
    checked
}

/// A counter of one document.
struct Counter<'a> {
    path: &'a str,
    /// Writes that somebody who may have seen them stopped the counter after, or deleted its document.
    stopped: BTreeSet<usize>,
}

fn counters<'a>(track: &Track<'a>) -> Vec<Counter<'a>> {
    let entries = track.entries();
    let counter = |path: &'a str| {
        let stops = |edit: &Edit| matches!(edit, Edit::Stop { path: at, .. } if at == path);
        let stops = |other: &&&Entry| other.delete || other.edits.iter().any(stops);
        let stoppers: Vec<&Entry> = entries.iter().filter(stops).copied().collect();
        let may_be_stopped = |entry: &Entry| stoppers.iter().any(|other| other.may_have_seen(entry));
        Counter {
            path,
            stopped: track.find(may_be_stopped),
        }
    };
    track.rules().paths(Rule::Counter).map(counter).collect()
}

/// What one view shows of the counters of one document: path, problem if there is one, the writes that say so.
struct Look(Vec<(String, Option<String>, Vec<usize>)>);

impl Look {
    fn at(&self, datacenter: &str, document: &str, place: usize) -> Checked {
        let mut checked = Checked::default();
        for (path, problem, events) in &self.0 {
            checked.item(problem.as_ref().map(|problem| {
                let what = format!("{path} of {document} at {datacenter} {problem}");
                Violation::new(NAME, what, events.iter().copied().chain([place]))
            }));
        }
        checked
    }
}

/// Looks at a view that was shown at some time by a node that certainly had some writes.
fn look(
    track: &Track<'_>,
    counters: &[Counter<'_>],
    view: Option<&View>,
    (at, there): (Tick, &dyn Fn(usize) -> bool),
) -> Look {
    let mut found = Vec::new();
    for counter in counters {
        let path = counter.path;
        let summands = summands(track, counter, at, there);
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

fn summands(track: &Track<'_>, counter: &Counter<'_>, at: Tick, there: &dyn Fn(usize) -> bool) -> Vec<Summand> {
    let entries = track.entries().iter().copied().enumerate();
    let begun = entries.filter(|(_, entry)| entry.invoked < at);
    let summands = Addition::all(begun, counter.path).into_iter().map(|addition| {
        let certain =
            |index: &usize| track.entries()[*index].is_ok() && there(*index) && !counter.stopped.contains(index);
        Summand {
            amount: addition.amount,
            required: addition.writes.iter().any(certain),
            writes: addition.writes,
        }
    });
    summands.collect()
}
