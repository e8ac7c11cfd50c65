//! Atomic batches: all writes of a batch happen or none; whoever reads several documents on one snapshot sees all of it or none.
//!
//! At the batch's own datacenter that holds always. Elsewhere it holds outside of catching up, so it is asked for where the reading says so, and at
//! the end. Covers the part of I5 that says: one synced batch.

use std::collections::BTreeMap;

use super::documents::Documents;
use super::{Case, Checked, Violation};
use crate::history::{Edit, Entry, History, Outcome, Reading, Tick};
use crate::ledger::{Judge, Standing};
use crate::view::View;

/// The checker's name.
pub const NAME: &str = "atomic_batches";

/// Checks the outcomes of each batch, and each snapshot that shows two or more of its documents.
pub fn check(case: &Case<'_>) -> Checked {
    let Case { history, documents, .. } = case;
    let mut batches: BTreeMap<u64, Vec<(usize, &Entry)>> = BTreeMap::new();
    for (place, entry) in history.writes() {
        if let Some(batch) = entry.facts.batch {
            batches.entry(batch).or_default().push((place, entry));
        }
    }
    let snapshots = snapshots(history);
    let mut checked = Checked::default();
    for parts in batches.values() {
        checked.item(mixed(parts));
        if parts.iter().any(|(_, entry)| !entry.is_possible()) {
            continue;
        }
        for snapshot in snapshots.iter().filter(|snapshot| snapshot.is_whole_for(parts)) {
            if let Some(found) = snapshot.torn(parts, documents) {
                checked.item(found);
            }
        }
    }
    checked
}

/// Writes of one batch that were answered differently.
fn mixed(parts: &[(usize, &Entry)]) -> Option<Violation> {
    let kind = |entry: &Entry| match entry.outcome {
        Outcome::Ok { .. } => "ok",
        Outcome::Refused { .. } => "refused",
        Outcome::Unknown { .. } => "unknown",
    };
    let first = kind(parts.first()?.1);
    let differs = parts.iter().any(|(_, entry)| kind(entry) != first);
    differs.then(|| {
        let kinds: Vec<&str> = parts.iter().map(|(_, entry)| kind(entry)).collect();
        Violation::new(
            NAME,
            format!("one batch, several answers: {kinds:?}"),
            parts.iter().map(|(place, _)| *place),
        )
    })
}

/// Several documents as one node showed them at one instant.
struct Snapshot<'a> {
    datacenter: &'a str,
    at: Tick,
    /// Batches of other datacenters cannot show in part.
    complete: bool,
    views: BTreeMap<&'a str, Option<&'a View>>,
    /// Every document that is not among the views is absent.
    all: bool,
    places: Vec<usize>,
}

fn snapshots(history: &History) -> Vec<Snapshot<'_>> {
    let mut groups: BTreeMap<u64, Vec<(usize, &Reading)>> = BTreeMap::new();
    for (place, reading) in history.readings() {
        if let Some(snapshot) = reading.snapshot {
            groups.entry(snapshot).or_default().push((place, reading));
        }
    }
    let of_readings = groups.values().filter_map(|group| {
        let (_, first) = group.first()?;
        let views = group
            .iter()
            .filter_map(|(_, reading)| Some((reading.document.as_str(), reading.shown()?)));
        Some(Snapshot {
            datacenter: &first.datacenter,
            at: first.at,
            complete: first.catching_up == Some(false),
            views: views.collect(),
            all: false,
            places: group.iter().map(|(place, _)| *place).collect(),
        })
    });
    let of_states = history.final_states().map(|(place, state)| Snapshot {
        datacenter: &state.datacenter,
        at: state.at,
        complete: true,
        views: state
            .picture
            .documents
            .iter()
            .map(|(id, view)| (id.as_str(), Some(view)))
            .collect(),
        all: true,
        places: vec![place],
    });
    of_readings.chain(of_states).collect()
}

impl Snapshot<'_> {
    /// Whether a batch must be seen here whole or not at all.
    fn is_whole_for(&self, parts: &[(usize, &Entry)]) -> bool {
        let mut entries = parts.iter().map(|(_, entry)| *entry);
        self.complete || entries.any(|entry| entry.datacenter == self.datacenter)
    }

    /// What shows of one part and is missing of another; `None` where fewer than two parts can be judged.
    fn torn(&self, parts: &[(usize, &Entry)], documents: &Documents<'_>) -> Option<Option<Violation>> {
        let (mut there, mut missing, mut open) = (Vec::new(), Vec::new(), 0);
        for (place, entry) in parts.iter().filter(|(_, entry)| entry.invoked < self.at) {
            let view = match self.views.get(entry.document.as_str()) {
                Some(view) => *view,
                None if self.all => None,
                None => continue,
            };
            let tells = |edit: &&Edit| documents.is_held_to_one_rule(edit.path());
            let mut telling = entry.edits.iter().filter(tells);
            if view.is_some_and(|view| telling.any(|edit| shows(view, edit))) {
                there.push(*place);
            } else if is_missing(entry, view, self.at, documents) {
                missing.push(*place);
            } else {
                open += 1;
            }
        }
        if there.len() + missing.len() + open < 2 {
            return None;
        }
        let is_torn = !there.is_empty() && !missing.is_empty();
        let what = || format!("{} shows a part of a batch and lacks another", self.datacenter);
        let events = there.iter().chain(&missing).chain(&self.places).copied();
        Some(is_torn.then(|| Violation::new(NAME, what(), events)))
    }
}

fn shows(view: &View, edit: &Edit) -> bool {
    match edit {
        Edit::Assign { path, value, .. } => view.values_at(path).contains(value),
        Edit::Add { path, element } => view
            .body
            .elements(path)
            .is_some_and(|elements| elements.contains(element)),
        _ => false,
    }
}

/// Whether a write that leaves something to see has left nothing, and no other write explains that.
fn is_missing(entry: &Entry, view: Option<&View>, at: Tick, documents: &Documents<'_>) -> bool {
    let Some(track) = documents.track(&entry.document) else {
        return false;
    };
    // Asked as if the write had been acknowledged: without an answer it would owe nothing.
    let writes: Vec<&Entry> = track
        .entries()
        .iter()
        .copied()
        .filter(|entry| entry.invoked < at)
        .collect();
    let judge = Judge::new(&writes, view, track.rules()).in_part();
    // Where the rule was changed, a number or an array may look like another one.
    let tells = |edit: &&Edit| track.rules().turned(edit.path()).is_none();
    let leaves = |edit: &Edit| matches!(edit, Edit::Assign { .. } | Edit::Add { .. });
    let mut asked = entry.edits.iter().filter(tells).filter(|edit| leaves(edit)).peekable();
    asked.peek().is_some() && asked.all(|edit| judge.standing(entry, edit) == Some(Standing::Unaccounted))
}
