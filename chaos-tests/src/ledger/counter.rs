//! Judges the increments of one counter: together they must add up.
//!
//! A single increment leaves no trace of its own, so the sum is what is checked: the starting values and all acknowledged increments, plus
//! any of those that may or may not be in effect (unknown outcomes; what went with a delete whose author had read it).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Addition, Judge, Standing};
use crate::history::{Edit, Entry};

/// More different sums than this are not followed.
const SUMS_MAX: usize = 100_000;

/// How the counters of one document add up, each looked at once.
#[derive(Debug, Default)]
pub(super) struct Counters(RefCell<BTreeMap<String, Rc<Counter>>>);

impl Counters {
    fn of(&self, judge: &Judge<'_>, path: &str) -> Rc<Counter> {
        if let Some(known) = self.0.borrow().get(path) {
            return Rc::clone(known);
        }
        let counter = Rc::new(Counter::of(judge, path));
        self.0.borrow_mut().insert(path.to_owned(), Rc::clone(&counter));
        counter
    }
}

/// A counter as the node shows it.
#[derive(Debug)]
struct Counter {
    parts: Vec<Part>,
    sum: Sum,
}

/// Whether what is shown is what the parts come to.
#[derive(Debug)]
enum Sum {
    /// No number is shown.
    Absent,
    /// There are too many possibilities.
    NotFollowed,
    Right,
    /// It is wrong, and right without this certain part, if there is one.
    Wrong(Option<usize>),
}

impl Counter {
    fn of(judge: &Judge<'_>, path: &str) -> Self {
        let parts = parts(judge, path);
        let shown = judge.view.and_then(|view| view.body.get(path));
        let sum = match shown.and_then(|value| value.as_integer()) {
            None => Sum::Absent,
            Some(shown) => match reaches(&parts, shown, None) {
                None => Sum::NotFollowed,
                Some(true) => Sum::Right,
                Some(false) => Sum::Wrong(
                    (0..parts.len())
                        .find(|index| !parts[*index].free && reaches(&parts, shown, Some(*index)) == Some(true)),
                ),
            },
        };
        Self { parts, sum }
    }
}

/// How `write`'s change of the counter at `path` stands.
pub(super) fn judge(judge: &Judge<'_>, write: &Entry, path: &str) -> Standing {
    let counter = judge.counters.of(judge, path);
    let is_part = |part: &Part| part.numbers.contains(&write.number);
    let is_free = counter.parts.iter().any(|part| is_part(part) && part.free);
    match counter.sum {
        Sum::Absent | Sum::Right if is_free => Standing::Overwritten,
        Sum::Absent => Standing::Unaccounted,
        Sum::NotFollowed => Standing::NotJudged,
        Sum::Right => Standing::Visible,
        // If the sum is right without one certain part, that one is missing; otherwise nobody can tell which.
        Sum::Wrong(Some(missing)) if !is_part(&counter.parts[missing]) => Standing::Visible,
        Sum::Wrong(_) => Standing::Unaccounted,
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
        other.edits.iter().any(stops) && other.may_have_seen(write)
    })
}

/// Whether the parts (without one of them) can add up to `shown`; `None` if there are too many possibilities.
fn reaches(parts: &[Part], shown: i128, without: Option<usize>) -> Option<bool> {
    // In ascending order, each once: adding the same to all of them changes neither.
    let mut sums = vec![0_i128];
    for (_, part) in parts.iter().enumerate().filter(|(index, _)| Some(*index) != without) {
        let before = part.free.then(|| sums.clone());
        sums.iter_mut().for_each(|sum| *sum = sum.saturating_add(part.amount));
        if let Some(before) = before {
            // Two runs in order: a stable sort merges them in one pass.
            sums.extend(before);
            sums.sort();
        }
        sums.dedup();
        if sums.len() > SUMS_MAX {
            return None;
        }
    }
    Some(sums.binary_search(&shown).is_ok())
}
