//! What makes several writes one addition to a counter.

use std::collections::BTreeMap;

use crate::history::{Edit, Entry, Outcome, generation};

/// Something that is added to a counter once, whatever number of writes did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// How much.
    pub amount: i128,
    /// The writes that did it, by their places.
    pub writes: Vec<usize>,
}

/// What writes of one addition have in common. A write may have several names: an attempt under a request id may make the same revision as the write of
/// somebody who had seen the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name<'a> {
    /// Attempts of one write, under one request id.
    Request(&'a str),
    /// Equal creations: what they start with, and the revision that they made.
    Creation(&'a str, i128),
    /// A write of its own.
    Write(u64),
}

impl Addition {
    /// What `writes` add to the counter at `path`.
    pub fn all<'a>(writes: impl Iterator<Item = (usize, &'a Entry)>, path: &str) -> Vec<Self> {
        let (mut found, mut by_name) = (Vec::<Self>::new(), BTreeMap::<Name<'_>, usize>::new());
        for (place, write) in writes {
            for edit in write.edits.iter().filter(|edit| edit.path() == path) {
                let (Edit::Start { value: amount, .. } | Edit::Increment { by: amount, .. }) = edit else {
                    continue;
                };
                let names = names(write, edit, *amount);
                let mut known: Vec<usize> = names.iter().filter_map(|name| by_name.get(name)).copied().collect();
                known.sort_unstable();
                known.dedup();
                let home = known.first().copied().unwrap_or(found.len());
                if home == found.len() {
                    let (amount, writes) = (*amount, Vec::new());
                    found.push(Self { amount, writes });
                }
                for other in known.into_iter().skip(1) {
                    let moved = std::mem::take(&mut found[other].writes);
                    found[home].writes.extend(moved);
                    by_name
                        .values_mut()
                        .filter(|at| **at == other)
                        .for_each(|at| *at = home);
                }
                found[home].writes.push(place);
                by_name.extend(names.into_iter().map(|name| (name, home)));
            }
        }
        found.retain(|addition| !addition.writes.is_empty());
        found
    }
}

fn names<'a>(write: &'a Entry, edit: &Edit, amount: i128) -> Vec<Name<'a>> {
    let request = write.facts.request.as_deref().map(Name::Request);
    let creation = match (&write.outcome, edit) {
        (Outcome::Ok { revision, .. }, Edit::Start { .. }) => Some(Name::Creation(revision, amount)),
        // An increment that made the document is a creation as well, but one under a name is an increment of its own.
        (Outcome::Ok { revision, .. }, _) if request.is_none() && generation(revision) == Some(1) => {
            Some(Name::Creation(revision, amount))
        }
        _ => None,
    };
    let names: Vec<_> = request.into_iter().chain(creation).collect();
    match names.is_empty() {
        true => vec![Name::Write(write.number)],
        false => names,
    }
}
