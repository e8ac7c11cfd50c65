//! Judges the increments of one counter: together they must add up.
//!
//! A single increment leaves no trace of its own, so the sum is what is checked: the starting values and all acknowledged increments, plus
//! any of those that may or may not be in effect (unknown outcomes; what went with a delete whose author had read it).

use std::collections::BTreeSet;

use super::{Addition, Judge, Standing};
use crate::history::{Edit, Entry};

/// More different sums than this are not followed.
const SUMS_MAX: usize = 100_000;

/// How `write`'s change of the counter at `path` stands.
pub(super) fn judge(judge: &Judge<'_>, write: &Entry, path: &str) -> Standing {
    let parts = parts(judge, path);
    let is_free = parts
        .iter()
        .any(|part| part.numbers.contains(&write.number) && part.free);
    let shown = judge
        .view
        .and_then(|view| view.body.get(path))
        .and_then(|value| value.as_integer());
    let Some(shown) = shown else {
        return if is_free {
            Standing::Overwritten
        } else {
            Standing::Unaccounted
        };
    };
    match reaches(&parts, shown, None) {
        None => return Standing::NotJudged,
        Some(true) => {
            return if is_free {
                Standing::Overwritten
            } else {
                Standing::Visible
            };
        }
        Some(false) => {}
    }
    // If the sum is right without one certain part, that one is missing; otherwise nobody can tell which.
    let missing =
        (0..parts.len()).find(|index| !parts[*index].free && reaches(&parts, shown, Some(*index)) == Some(true));
    match missing {
        Some(index) if !parts[index].numbers.contains(&write.number) => Standing::Visible,
        _ => Standing::Unaccounted,
    }
}

/// One summand. Equal creations on both sides count once, and so do attempts of one write, so it may come from several writes.
#[derive(Debug)]
struct Part {
    amount: i128,
    numbers: Vec<u64>,
    /// Whether it may be missing from the sum.
    free: bool,
}

fn parts(judge: &Judge<'_>, path: &str) -> Vec<Part> {
    let writes = judge.writes.iter().copied().enumerate();
    let parts = Addition::all(writes, path).into_iter().map(|addition| {
        let done = addition.writes.iter().map(|place| judge.writes[*place]);
        Part {
            amount: addition.amount,
            free: done
                .clone()
                .all(|write| !write.is_ok() || was_stopped(judge, write, path)),
            numbers: done.map(|write| write.number).collect(),
        }
    });
    parts.collect()
}

/// Whether somebody who may have seen `write` removed the counter or its document.
fn was_stopped(judge: &Judge<'_>, write: &Entry, path: &str) -> bool {
    judge.writes.iter().any(|other| {
        let stops = |edit: &Edit| matches!(edit, Edit::Stop { path: at, .. } if at == path);
        other.may_have_seen(write) && other.edits.iter().any(stops)
    })
}

/// Whether the parts (without one of them) can add up to `shown`; `None` if there are too many possibilities.
fn reaches(parts: &[Part], shown: i128, without: Option<usize>) -> Option<bool> {
    let mut sums = BTreeSet::from([0_i128]);
    for part in parts
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != without)
        .map(|(_, part)| part)
    {
        let added = sums.iter().map(|sum| sum.saturating_add(part.amount));
        sums = if part.free {
            added.chain(sums.iter().copied()).collect()
        } else {
            added.collect()
        };
        if sums.len() > SUMS_MAX {
            return None;
        }
    }
    Some(sums.contains(&shown))
}
