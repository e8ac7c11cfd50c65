//! Sets (the part of I1 that is about elements): what one side adds stays, whatever the other removes; what a client who had seen it removed is gone;
//! nothing stands in a set twice, or that nobody added.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use super::documents::{Documents, Problem, Track, sampled};
use super::{Checked, Violation};
use crate::history::{Edit, Entry, History, Json, Tick};
use crate::view::View;

/// The checker's name.
pub const NAME: &str = "sets";

/// Checks every set in each final state, and in readings.
pub fn check(history: &History) -> Checked {
    let documents = Documents::of(history);
    let mut checked = Checked::default();
    let mut look = |track: &Track<'_>, scene: &Scene<'_>, (datacenter, id): (&str, &str), place| {
        for path in track.rules().paths(Rule::Set) {
            let (items, problems) = scene.problems(track, path);
            checked.items += items;
            checked.violations.extend(problems.into_iter().map(|(problem, events)| {
                let what = format!("{path} of {id} at {datacenter}: {problem}");
                Violation::new(NAME, what, events.into_iter().chain([place]))
            }));
        }
    };
    for (place, state) in history.final_states() {
        for (id, track) in documents.iter() {
            let scene = Scene {
                view: state.picture.documents.get(id),
                at: state.at,
                certain: track.find(Entry::is_ok),
                renewed: track.may_be_renewed(state.at),
            };
            look(track, &scene, (&state.datacenter, id), place);
        }
    }
    for (place, reading, view) in sampled(history) {
        if let Some(track) = documents.track(&reading.document) {
            let scene = Scene {
                view,
                at: reading.at,
                certain: documents.at_node(track, reading),
                renewed: track.may_be_renewed(reading.at),
            };
            look(track, &scene, (&reading.datacenter, &reading.document), place);
        }
    }
    checked
}

/// One view, and the writes that it must be held to.
struct Scene<'a> {
    view: Option<&'a View>,
    at: Tick,
    certain: BTreeSet<usize>,
    /// Removed elements may have been written anew.
    renewed: bool,
}

/// Who added an element, and who took it out.
#[derive(Default)]
struct Element {
    additions: Vec<usize>,
    discards: Vec<usize>,
}

impl Scene<'_> {
    /// How many elements were looked at, and what is wrong.
    fn problems(&self, track: &Track<'_>, path: &str) -> (usize, Vec<Problem>) {
        let elements = elements(track, path, self.at);
        let shown = self.view.and_then(|view| view.body.elements(path)).unwrap_or_default();
        let mut problems = Vec::new();
        let mut once = BTreeSet::new();
        for element in &shown {
            if !once.insert(element) {
                problems.push((format!("{element} stands there twice"), Vec::new()));
            }
            if elements.get(element).is_none_or(|known| known.additions.is_empty()) {
                problems.push((format!("nobody added {element}"), Vec::new()));
            }
        }
        // Something else may stand in the set's place: the ledger says what became of it then.
        let replaced = track.entries().iter().flat_map(|entry| &entry.edits).any(|edit| {
            edit.path() == path && matches!(edit, Edit::Assign { .. } | Edit::Replace { .. } | Edit::Remove { .. })
        });
        for (element, known) in elements.iter().filter(|_| !replaced) {
            let problem = if once.contains(element) {
                self.undone(track, element, known)
            } else {
                self.lost(track, path, element, known)
            };
            problems.extend(problem);
        }
        (elements.len(), problems)
    }

    fn lost(&self, track: &Track<'_>, path: &str, element: &Json, known: &Element) -> Option<Problem> {
        let entries = track.entries();
        let may_be_discarded = |addition: usize| {
            let mut discards = known.discards.iter();
            discards.any(|discard| *discard == addition || entries[*discard].may_have_seen(entries[addition]))
        };
        let mut certain = known
            .additions
            .iter()
            .filter(|addition| self.certain.contains(addition));
        let lost = certain.find(|addition| !may_be_discarded(**addition))?;
        let is_listed = self.view.is_some_and(|view| view.lists_element(path, element));
        (!is_listed).then(|| (format!("{element} is lost"), track.places([*lost])))
    }

    fn undone(&self, track: &Track<'_>, element: &Json, known: &Element) -> Option<Problem> {
        // Of several additions one may not have been seen.
        let [addition] = known.additions.as_slice() else {
            return None;
        };
        let mut discards = known.discards.iter();
        let outlived = |discard: &usize| {
            self.view
                .is_some_and(|view| track.is_outlived(track.entries()[*discard], view, self.at))
        };
        let discard =
            discards.find(|discard| self.certain.contains(discard) && *discard != addition && !outlived(discard))?;
        let what = || (format!("{element} is back"), track.places([*addition, *discard]));
        (!self.renewed).then(what)
    }
}

fn elements<'a>(track: &Track<'a>, path: &str, at: Tick) -> BTreeMap<&'a Json, Element> {
    let mut found: BTreeMap<&Json, Element> = BTreeMap::new();
    for (index, entry) in track
        .entries()
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, entry)| entry.invoked < at)
    {
        for edit in entry.edits.iter() {
            match edit {
                Edit::Add { path: at, element } if at == path => {
                    found.entry(element).or_default().additions.push(index);
                }
                Edit::Discard { path: at, element } if at == path => {
                    found.entry(element).or_default().discards.push(index);
                }
                _ => {}
            }
        }
    }
    found
}
