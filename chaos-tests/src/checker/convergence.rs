//! I2, convergence: equal knowledge means equal digests and equal open conflicts, at any instant; and at the end every interface of every node
//! shows the same.
//!
//! The first part names the apply that went wrong, not the end of the run. It says nothing more of a node whose disk was put back: such a node
//! differs under equal knowledge until it has compared.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Violation};
use crate::history::{Event, FinalState, History, Observation};

/// The checker's name.
pub const NAME: &str = "convergence";

/// Compares observations under equal knowledge, and the final states.
pub fn check(history: &History) -> Checked {
    let mut checked = at_any_instant(history);
    checked.add(at_the_end(history));
    checked
}

fn at_any_instant(history: &History) -> Checked {
    let mut first: BTreeMap<(&str, String), (usize, &Observation)> = BTreeMap::new();
    let mut checked = Checked::default();
    let mut put_back: BTreeSet<&str> = BTreeSet::new();
    for (place, event) in history.events.iter().enumerate() {
        match event {
            Event::Restart(restart) if !restart.same_disk => {
                put_back.insert(&restart.datacenter);
            }
            Event::Observation(seen) if !seen.beyond && !put_back.contains(seen.datacenter.as_str()) => {
                let Some(knowledge) = &seen.knowledge else { continue };
                match first.entry((seen.database.as_str(), knowledge.to_string())) {
                    Slot::Occupied(slot) => {
                        let (earlier, other) = *slot.get();
                        let found = difference(seen, other);
                        checked.item(found.map(|what| Violation::new(NAME, what, [earlier, place])));
                    }
                    Slot::Vacant(slot) => {
                        slot.insert((place, seen));
                    }
                }
            }
            _ => {}
        }
    }
    checked
}

fn difference(one: &Observation, two: &Observation) -> Option<String> {
    let nodes = || {
        format!(
            "{} and {} know the same of {}",
            two.datacenter, one.datacenter, one.database
        )
    };
    if one.digest != two.digest {
        return Some(format!(
            "{} and have the digests {} and {}",
            nodes(),
            two.digest,
            one.digest
        ));
    }
    match (&one.conflicts, &two.conflicts) {
        (Some(mine), Some(theirs)) if mine != theirs => {
            Some(format!("{} and have the conflicts {theirs:?} and {mine:?}", nodes()))
        }
        _ => None,
    }
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
