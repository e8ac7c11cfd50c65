//! I5, durability: after a kill or a power cut the node alone has every write that it had acknowledged.
//!
//! Where the node's knowledge at the restart is recorded, it must cover the dot of every such write. Where a client saw the node afterwards, the first
//! reading of each document must account for them. A node that came back with another disk has promised nothing.

use std::collections::BTreeSet;

use super::documents::Documents;
use super::{Case, Checked, Violation};
use crate::history::{Event, History, Reading, Restart};

/// The checker's name.
pub const NAME: &str = "durability";

/// Checks each restart on the same disk.
pub fn check(case: &Case<'_>) -> Checked {
    let Case { history, documents, .. } = case;
    let mut checked = Checked::default();
    for (place, restart) in restarts(history).filter(|(_, restart)| restart.same_disk) {
        checked.add(known(history, place, restart));
        checked.add(shown(history, documents, place, restart));
    }
    checked
}

fn restarts(history: &History) -> impl Iterator<Item = (usize, &Restart)> {
    history.pick(|event| {
        if let Event::Restart(restart) = event {
            Some(restart)
        } else {
            None
        }
    })
}

/// What the disk that the node has now was written on since: earlier writes may have gone with a former disk.
fn since(history: &History, restart: &Restart) -> u64 {
    let others = restarts(history)
        .filter(|(_, other)| !other.same_disk && other.datacenter == restart.datacenter && other.at <= restart.stopped);
    others.map(|(_, other)| other.at).max().unwrap_or(0)
}

/// When the disk that the node has now went: what it shows later it shows from another one.
fn until(history: &History, restart: &Restart) -> u64 {
    let others = restarts(history)
        .filter(|(_, other)| !other.same_disk && other.datacenter == restart.datacenter && other.stopped >= restart.at);
    others.map(|(_, other)| other.stopped).min().unwrap_or(u64::MAX)
}

fn known(history: &History, place: usize, restart: &Restart) -> Checked {
    let mut checked = Checked::default();
    let Some(knowledge) = &restart.knowledge else {
        return checked;
    };
    let since = since(history, restart);
    for (write, entry) in history.writes() {
        let Some(stamp) = entry.stamp() else { continue };
        let is_own = entry.datacenter == restart.datacenter;
        if !is_own || entry.answered >= restart.stopped || entry.invoked < since {
            continue;
        }
        let what = || {
            format!(
                "{} does not know the write {} ({stamp:?}) after {}",
                restart.datacenter, entry.number, restart.how
            )
        };
        checked.item((!knowledge.covers(stamp)).then(|| Violation::new(NAME, what(), [write, place])));
    }
    checked
}

fn shown(history: &History, documents: &Documents<'_>, place: usize, restart: &Restart) -> Checked {
    let mut checked = Checked::default();
    let mut looked_at = BTreeSet::new();
    let (since, until) = (since(history, restart), until(history, restart));
    let after = |reading: &Reading| {
        reading.datacenter == restart.datacenter && reading.asked > restart.stopped && reading.asked < until
    };
    for (read, reading) in history.readings().filter(|(_, reading)| after(reading)) {
        let (Some(view), Some(track)) = (reading.shown(), documents.track(&reading.document)) else {
            continue;
        };
        if !looked_at.insert(reading.document.as_str()) {
            continue;
        }
        let certain = track.find(|entry| {
            entry.is_ok()
                && entry.datacenter == restart.datacenter
                && entry.answered < restart.stopped
                && entry.invoked >= since
        });
        let problems = track.problems(view, reading.at, &certain);
        let found = problems.into_iter().map(|(problem, events)| {
            let what = format!(
                "after {} {} shows {} without what it had acknowledged: {problem}",
                restart.how, restart.datacenter, reading.document
            );
            Violation::new(NAME, what, events.into_iter().chain([place, read]))
        });
        checked.item(found);
    }
    checked
}
