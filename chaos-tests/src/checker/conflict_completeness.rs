//! Conflict completeness (I1 and I2): every true conflict is listed, with all that competes, and nothing else is.
//!
//! A true conflict: two acknowledged writes of different values to one path without a rule, neither of whose authors had seen the other, and neither
//! overwritten since. A false one: fewer than two different contenders, a value that somebody who had read it took the place of, one that no write of
//! the log can have left, or values where the path's rule decides. The index of conflicts lists what the documents list.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::{Rule, Value};

use super::once::Once;
use super::track::Track;
use super::{Case, Checked, Violation};
use crate::history::{Edit, Entry, Json, Rules, Stamp, Tick};
use crate::ledger::displaces;
use crate::view::{Candidate, Conflict, Contender, View};

/// The checker's name.
pub const NAME: &str = "conflict_completeness";

/// Checks the conflicts of every document in each final state, and the index of conflicts.
pub fn check(case: &Case<'_>) -> Checked {
    let mut rivals_of: BTreeMap<&str, Rivals<'_>> = BTreeMap::new();
    let mut at_the_end: BTreeMap<&str, Once<'_, Vec<Option<Found>>>> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, state) in case.history.final_states() {
        for contradiction in state.picture.contradictions() {
            checked.violations.push(Violation::new(
                NAME,
                format!("{}: {contradiction}", state.datacenter),
                [place],
            ));
        }
        for (id, track) in case.documents.iter() {
            let Some(view) = state.picture.documents.get(id) else {
                continue;
            };
            let rivals = rivals_of.entry(id).or_insert_with(|| rivals(track));
            let once = at_the_end.entry(id).or_default();
            for found in once.of(track, Some(view), state.at, || look(track, view, rivals, state.at)) {
                checked.item(found.as_ref().map(|(what, writes)| {
                    let what = format!("{id} at {}: {what}", state.datacenter);
                    Violation::new(NAME, what, writes.iter().copied().chain([place]))
                }));
            }
        }
    }
    checked
}

/// What is wrong with each true conflict, and with each that is listed.
fn look(track: &Track<'_>, view: &View, rivals: &Rivals<'_>, at: Tick) -> Vec<Option<Found>> {
    let true_ones = rivals.iter().map(|(path, values)| unlisted(track, view, path, values));
    let renewed = track.may_be_renewed(at);
    let listed = view.conflicts.iter().map(|conflict| untrue(track, conflict, renewed));
    true_ones.chain(listed).collect()
}

/// Values with the writes that assigned them, by path.
type Rivals<'a> = BTreeMap<&'a str, Vec<(&'a Json, usize)>>;

/// Paths without a rule where two or more different values of acknowledged writes stand that nobody may have taken the place of.
fn rivals<'a>(track: &Track<'a>) -> Rivals<'a> {
    let mut found = Rivals::new();
    for (index, entry) in track
        .entries()
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, entry)| entry.is_ok())
    {
        for edit in &entry.edits {
            if let Edit::Assign { path, value, .. } = edit
                && track.rules().rule_of(path) == Rule::Register
                && track.only_author(path, value) == Some(index)
                && !is_dropped(track, entry, path, value)
                && !is_displaced(track, entry, path, value)
            {
                found.entry(path).or_default().push((value, index));
            }
        }
    }
    found.retain(|_, values| values.len() > 1);
    found
}

/// Under the rule `latest` a write leaves nothing of what it was put on, under `max` and `min` no number: where a path had one, whoever wrote there next may have gone
/// by it.
fn is_dropped(track: &Track<'_>, write: &Entry, path: &str, value: &Json) -> bool {
    let had = track.rules().turned(path);
    let drops = |rule: &Rule| match rule {
        Rule::Latest => true,
        Rule::Max | Rule::Min => value.as_float().is_some(),
        Rule::Register | Rule::Counter | Rule::Set => false,
    };
    if !had.is_some_and(|had| had.iter().any(drops)) {
        return false;
    }
    let writes = |other: &Entry| other.edits.iter().any(|edit| edit.path() == path);
    let mut others = track.entries().iter();
    others.any(|other| writes(other) && other.may_be_put_on(write))
}

fn is_displaced(track: &Track<'_>, write: &Entry, path: &str, value: &Json) -> bool {
    let mut others = track.entries().iter();
    others.any(|other| {
        other
            .edits
            .iter()
            .any(|edit| displaces(other, edit, write, path, value))
    })
}

type Found = (String, Vec<usize>);

fn unlisted(track: &Track<'_>, view: &View, path: &str, values: &[(&Json, usize)]) -> Option<Found> {
    if view.hides_at(path) {
        return None;
    }
    let listed = view.listed_at(path);
    let missing = values.iter().find(|(value, _)| !listed.contains(value))?;
    let what = format!("{path} is in conflict, and {} is not listed", missing.0);
    Some((what, track.places(values.iter().map(|(_, index)| *index))))
}

/// What is wrong with a conflict that is listed.
fn untrue(track: &Track<'_>, conflict: &Conflict, renewed: bool) -> Option<Found> {
    let path = &conflict.path;
    let different: BTreeSet<String> = conflict
        .candidates
        .iter()
        .map(|candidate| text(&candidate.kind))
        .collect();
    let kinds = may_differ_in_kind(track.rules(), path);
    if different.len() < 2 && !kinds {
        return Some((format!("{path:?} lists a conflict of {different:?}"), Vec::new()));
    }
    if !kinds && is_decided(track.rules().rule_of(path), conflict) {
        return Some((format!("{path} lists a conflict that its rule decides"), Vec::new()));
    }
    conflict.candidates.iter().find_map(|candidate| {
        let owner = owner(track, candidate.stamp);
        let all_known = track.entries().iter().all(|entry| entry.is_ok());
        match owner {
            None if all_known && !renewed => {
                Some((format!("{path:?} lists {candidate:?}, which nobody wrote"), Vec::new()))
            }
            Some(owner) if !renewed => superseded(track, path, candidate, owner),
            _ => None,
        }
    })
}

/// A count or a set may stand beside a plain value: no rule decides between the two, even if they look the same.
fn may_differ_in_kind(rules: &Rules, path: &str) -> bool {
    let had = rules.turned(path).unwrap_or_default();
    had.contains(&Rule::Counter) || had.contains(&Rule::Set)
}

/// The rule puts one of these values first, and lists none.
fn is_decided(rule: Rule, conflict: &Conflict) -> bool {
    let mut kinds = conflict.candidates.iter().map(|candidate| &candidate.kind);
    match rule {
        Rule::Latest => kinds.all(is_scalar),
        Rule::Max | Rule::Min => kinds.all(|kind| matches!(kind, Contender::Value(Value::Number(_)))),
        Rule::Register | Rule::Counter | Rule::Set => false,
    }
}

fn owner(track: &Track<'_>, stamp: Stamp) -> Option<usize> {
    track.entries().iter().position(|entry| entry.stamp() == Some(stamp))
}

/// Somebody who had read the value has put something else there. Deletes are left out: one that met an edit takes nothing away.
fn superseded(track: &Track<'_>, path: &str, candidate: &Candidate, owner: usize) -> Option<Found> {
    let Contender::Value(value) = &candidate.kind else {
        return None;
    };
    if !is_scalar(&candidate.kind) {
        return None;
    }
    let value = Json::of(value);
    if !track.tells_its_author(path, &value) {
        return None;
    }
    let entries = track.entries();
    // Who settles a conflict may put a value that somebody had put before: then the value alone does not tell which of the two the other had read.
    let puts = |entry: &&Entry| {
        let mut edits = entry.edits.iter();
        edits.any(|edit| matches!(edit, Edit::Assign { path: at, value: put, .. } if at == path && *put == value))
    };
    let is_unique = entries.iter().copied().filter(puts).count() <= 1;
    let read_it = |by: &Entry| is_unique || by.has_seen(entries[owner]) == Some(true);
    let mut by = track.displacers(path, &value).iter().copied();
    let by = by.find(|by| {
        let other = entries[*by];
        *by != owner && other.is_ok() && !other.delete && read_it(other)
    })?;
    let what = format!(
        "{path} lists {value}, whose place the write {} took",
        track.entries()[by].number
    );
    Some((what, track.places([owner, by])))
}

fn is_scalar(kind: &Contender) -> bool {
    matches!(kind, Contender::Value(value) if !matches!(value, Value::Object(_) | Value::Array(_)))
}

fn text(kind: &Contender) -> String {
    match kind {
        Contender::Value(value) => value.canonical(),
        Contender::Removed => "removed".to_owned(),
        Contender::Deleted(deleted) => format!("deleted {deleted}"),
    }
}
