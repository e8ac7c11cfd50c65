//! I2, convergence: equal knowledge means equal digests and equal open conflicts, at any instant; and at the end every interface of every node
//! shows the same.
//!
//! What is in conflict the rules decide: open conflicts are compared where nodes go by the same rules. Digests do not depend on rules.
//!
//! The first part names the apply that went wrong, not the end of the run. It says nothing more of a node whose disk was put back: such a node
//! differs under equal knowledge until it has compared.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Violation};
use crate::history::{Event, FinalState, History, Observation, Rules};

/// The checker's name.
pub const NAME: &str = "convergence";

/// Compares observations under equal knowledge, and the final states.
pub fn check(history: &History) -> Checked {
    let mut checked = at_any_instant(history);
    checked.add(at_the_end(history));
    checked
}

fn at_any_instant(history: &History) -> Checked {
    let mut first: BTreeMap<(&str, String), Seen<'_>> = BTreeMap::new();
    let mut checked = Checked::default();
    let mut put_back: BTreeSet<&str> = BTreeSet::new();
    let mut rules: BTreeMap<&str, &Rules> = BTreeMap::new();
    for (place, event) in history.events.iter().enumerate() {
        match event {
            Event::Rules(known) => {
                rules.insert(&known.datacenter, &known.rules);
            }
            Event::Restart(restart) if !restart.same_disk => {
                put_back.insert(&restart.datacenter);
            }
            Event::Observation(seen) if !seen.beyond && !put_back.contains(seen.datacenter.as_str()) => {
                let Some(knowledge) = &seen.knowledge else { continue };
                match first.entry((seen.database.as_str(), knowledge.to_string())) {
                    Slot::Occupied(mut slot) => {
                        let (earlier, other) = slot.get().digest;
                        let found = difference(seen, other);
                        checked.item(found.map(|what| Violation::new(NAME, what, [earlier, place])));
                        let found = slot
                            .get_mut()
                            .conflicts(place, seen, rules.get(seen.datacenter.as_str()).copied());
                        checked.violations.extend(found);
                    }
                    Slot::Vacant(slot) => {
                        let first = slot.insert(Seen {
                            digest: (place, seen),
                            lists: Vec::new(),
                        });
                        first.conflicts(place, seen, rules.get(seen.datacenter.as_str()).copied());
                    }
                }
            }
            _ => {}
        }
    }
    checked
}

/// What was first seen under some knowledge.
struct Seen<'a> {
    digest: (usize, &'a Observation),
    /// The first list of conflicts under each rules.
    lists: Vec<(Option<&'a Rules>, usize, &'a Observation)>,
}

impl<'a> Seen<'a> {
    /// Compares a list of conflicts with the first one under these rules.
    fn conflicts(&mut self, place: usize, seen: &'a Observation, rules: Option<&'a Rules>) -> Option<Violation> {
        let theirs = seen.conflicts.as_ref()?;
        let first = self.lists.iter().find(|(under, _, _)| *under == rules);
        let Some((_, earlier, other)) = first else {
            self.lists.push((rules, place, seen));
            return None;
        };
        let mine = other.conflicts.as_ref()?;
        let (one, two) = (&other.datacenter, &seen.datacenter);
        let what = || {
            let database = &seen.database;
            format!("{one} and {two} know the same of {database} and have the conflicts {mine:?} and {theirs:?}")
        };
        (mine != theirs).then(|| Violation::new(NAME, what(), [*earlier, place]))
    }
}

fn difference(one: &Observation, two: &Observation) -> Option<String> {
    let what = || {
        format!(
            "{} and {} know the same of {} and have the digests {} and {}",
            two.datacenter, one.datacenter, one.database, two.digest, one.digest
        )
    };
    (one.digest != two.digest).then(what)
}

fn at_the_end(history: &History) -> Checked {
    let mut checked = Checked::default();
    let mut states = history.final_states();
    let Some((first, reference)) = states.next() else {
        return checked;
    };
    for (place, state) in states {
        let name = |state: &FinalState| format!("{} ({})", state.datacenter, state.interface);
        let differences = reference.picture.differences(&state.picture).into_iter();
        let found = differences.map(|difference| {
            let what = format!("{} and {}: {difference}", name(reference), name(state));
            Violation::new(NAME, what, [first, place])
        });
        checked.item(found);
    }
    checked
}
