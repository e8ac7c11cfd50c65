//! Sets (the part of I1 that is about elements): what one side adds stays, whatever the other removes; what a client who had seen it removed is gone;
//! nothing stands in a set twice, or that nobody added.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use super::once::Once;
use super::track::{Problem, Track};
use super::{Case, Checked, Violation};
use crate::history::{Edit, Entry, Json, Tick};
use crate::view::View;

/// The checker's name.
pub const NAME: &str = "sets";

/// Checks every set in each final state, and in readings.
pub fn check(case: &Case<'_>) -> Checked {
    let mut at_the_end: BTreeMap<&str, Once<'_, Look>> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, state) in case.history.final_states() {
        for (id, track) in case.documents.iter() {
            let view = state.picture.documents.get(id);
            let once = at_the_end.entry(id).or_default();
            let look = once.of(track, view, state.at, || {
                let certain = track.find(Entry::is_ok);
                Scene::new(track, view, state.at, &certain).look(track)
            });
            checked.add(look.at(&state.datacenter, id, place));
        }
    }
    for sample in &case.samples {
        let reading = sample.reading;
        if let Some(track) = case.documents.track(&reading.document) {
            let look = Scene::new(track, sample.view, reading.at, &sample.certain).look(track);
            checked.add(look.at(&reading.datacenter, &reading.document, sample.place));
        }
    }
    checked
}

/// What one view shows of the sets of one document: path, how many elements were looked at, and what is wrong.
struct Look(Vec<(String, usize, Vec<Problem>)>);

impl Look {
    fn at(&self, datacenter: &str, document: &str, place: usize) -> Checked {
        let mut checked = Checked::default();
        for (path, items, problems) in &self.0 {
            checked.items += items;
            checked.violations.extend(problems.iter().map(|(problem, events)| {
                let what = format!("{path} of {document} at {datacenter}: {problem}");
                Violation::new(NAME, what, events.iter().copied().chain([place]))
            }));
        }
        checked
    }
}

/// One view, and the writes that it must be held to.
struct Scene<'a> {
    view: Option<&'a View>,
    at: Tick,
    certain: &'a BTreeSet<usize>,
    /// Removed elements may have been written anew.
    renewed: bool,
}

/// Who added an element, and who took it out.
#[derive(Default)]
struct Element {
    additions: Vec<usize>,
    discards: Vec<usize>,
}

impl<'a> Scene<'a> {
    fn new(track: &Track<'_>, view: Option<&'a View>, at: Tick, certain: &'a BTreeSet<usize>) -> Self {
        Self {
            view,
            at,
            certain,
            renewed: track.may_be_renewed(at),
        }
    }

    fn look(&self, track: &Track<'_>) -> Look {
        let sets = track.rules().paths(Rule::Set).map(|path| {
            let (items, problems) = self.problems(track, path);
            (path.to_owned(), items, problems)
        });
        Look(sets.collect())
    }

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
