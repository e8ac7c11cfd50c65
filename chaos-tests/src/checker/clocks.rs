//! I7, clocks: the times of a replica strictly increase, across restarts and jumps of its clock.
//!
//! Where the issued dots are recorded, in the order in which they were issued. In any case between acknowledged writes: one that was answered before
//! another was sent to the same replica has the lower time.

use std::collections::BTreeMap;

use rejoin_document::ReplicaId;

use super::{Checked, Violation};
use crate::history::{Entry, Event, History, Stamp};

/// The checker's name.
pub const NAME: &str = "clocks";

/// Checks the dots of each replica.
pub fn check(history: &History) -> Checked {
    let mut checked = issued(history);
    checked.add(acknowledged(history));
    checked
}

fn issued(history: &History) -> Checked {
    let mut last: BTreeMap<ReplicaId, (usize, Stamp)> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, issued) in history.pick(|event| {
        if let Event::Issued(issued) = event {
            Some(issued)
        } else {
            None
        }
    }) {
        let before = last.insert(issued.stamp.0.replica, (place, issued.stamp));
        let found = before
            .filter(|(_, earlier)| *earlier >= issued.stamp)
            .map(|(first, earlier)| {
                let what = format!("{} issued {:?} after {earlier:?}", issued.datacenter, issued.stamp);
                Violation::new(NAME, what, [first, place])
            });
        checked.item(found);
    }
    checked
}

fn acknowledged(history: &History) -> Checked {
    let mut replicas: BTreeMap<ReplicaId, Vec<(usize, &Entry, Stamp)>> = BTreeMap::new();
    for (place, entry) in history.writes() {
        // Another attempt of a write is answered with the dot of the first.
        if let (Some(stamp), None) = (entry.stamp(), &entry.facts.request) {
            replicas.entry(stamp.0.replica).or_default().push((place, entry, stamp));
        }
    }
    let mut checked = Checked::default();
    for writes in replicas.values() {
        let mut answered = writes.clone();
        answered.sort_by_key(|(_, entry, _)| entry.answered);
        let mut sent = writes.clone();
        sent.sort_by_key(|(_, entry, _)| entry.invoked);
        let mut answered = answered.into_iter().peekable();
        let mut highest: Option<(usize, Stamp)> = None;
        for (place, entry, stamp) in sent {
            while let Some((first, _, earlier)) = answered.next_if(|(_, earlier, _)| earlier.answered < entry.invoked) {
                if highest.is_none_or(|(_, highest)| highest < earlier) {
                    highest = Some((first, earlier));
                }
            }
            let found = highest
                .filter(|(_, earlier)| *earlier >= stamp)
                .map(|(first, earlier)| {
                    let what = format!("{} stamped {stamp:?} after {earlier:?} was answered", entry.datacenter);
                    Violation::new(NAME, what, [first, place])
                });
            checked.item(found);
        }
    }
    checked
}
