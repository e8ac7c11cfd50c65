//! Judges what was written to a path whose rule was changed while it was written (`docs/databases.md` says what is promised of it).
//!
//! Each write did what the rule that its node knew makes of it, which is what its edits say. What is stored does not change with the rule. So a value is
//! visible, listed, or gone with a write whose author may have seen it, or some rule that the path had put another one first. A count adds up, wherever it
//! is shown: in the body or beside it, with the number that it began from. An element stands in some array, unless somebody who may have seen it took it out.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use super::{Addition, Judge, Standing, precedence};
use crate::history::{Edit, Entry, Json};

/// More different sums than this are not followed.
const SUMS_MAX: usize = 100_000;

/// How one part of a write stands at a path that had these rules; `None`: it makes room for something that is judged itself, or the sum is not asked
/// for.
pub(super) fn standing(judge: &Judge<'_>, write: &Entry, edit: &Edit, had: &[Rule]) -> Option<Standing> {
    match edit {
        Edit::Assign { path, value, .. } => Some(assignment(judge, write, (path, value), had)),
        Edit::Remove { path, .. } => Some(removal(judge, write, path, had)),
        Edit::Add { path, element } => Some(addition(judge, write, path, element)),
        Edit::Discard { path, element } => Some(discard(judge, write, path, element)),
        Edit::Start { path, .. } | Edit::Increment { path, .. } => count(judge, write, path),
        Edit::Replace { .. } | Edit::Stop { .. } => None,
    }
}

/// Whether a write of the log can have left this there: assigned it, counted up to it, or put its elements together.
pub(super) fn may_be_written(judge: &Judge<'_>, path: &str, value: &Json) -> bool {
    let edits = || judge.edits().map(|(_, edit)| edit).filter(|edit| edit.path() == path);
    if edits().any(|edit| matches!(edit, Edit::Assign { value: other, .. } if other == value)) {
        return true;
    }
    let counts = |edit: &Edit| matches!(edit, Edit::Start { .. } | Edit::Increment { .. });
    if value.as_integer().is_some() {
        return edits().any(counts);
    }
    let holds = |edit: &Edit, element: &Json| match edit {
        Edit::Add { element: other, .. } => other == element,
        Edit::Assign { value, .. } => value.elements().is_some_and(|elements| elements.contains(element)),
        _ => false,
    };
    let elements = value.elements();
    elements.is_some_and(|elements| elements.iter().all(|element| edits().any(|edit| holds(edit, element))))
}

/// Whether a path with these rules may have had a count or a set, which does not name what it took the place of.
fn merges(had: &[Rule]) -> bool {
    had.contains(&Rule::Counter) || had.contains(&Rule::Set)
}

fn assignment(judge: &Judge<'_>, write: &Entry, (path, value): (&str, &Json), had: &[Rule]) -> Standing {
    if !merges(had) {
        return match judge.assignment(write, path, value) {
            Standing::Unaccounted => set_aside(judge, write, path, Some(value), had).unwrap_or(Standing::Unaccounted),
            standing => standing,
        };
    }
    if judge.shown(path).as_ref() == Some(value) {
        return Standing::Visible;
    }
    if judge.view.is_some_and(|view| view.listed_at(path).contains(value)) {
        return Standing::Conflict;
    }
    if had.contains(&Rule::Set) && is_emptied(judge, write, path, value) {
        return Standing::Visible;
    }
    after(judge, write, |other, edit| {
        other.delete || edit.path() == path && !matches!(edit, Edit::Stop { .. })
    })
    .or_else(|| set_aside(judge, write, path, Some(value), had))
    .unwrap_or(Standing::Unaccounted)
}

/// Whether an empty array, which is a set without elements whatever the rule is, left only what its author had not seen.
fn is_emptied(judge: &Judge<'_>, write: &Entry, path: &str, value: &Json) -> bool {
    if value.elements().is_none_or(|elements| !elements.is_empty()) {
        return false;
    }
    let unseen = |other: &Entry| other.number != write.number && write.has_seen(other) != Some(true);
    let adds = |edit: &Edit, element: &Json| matches!(edit, Edit::Add { path: at, element: other } if at == path && other == element);
    let is_unseen = |element: &Json| judge.edits().any(|(other, edit)| unseen(other) && adds(edit, element));
    judge
        .shown(path)
        .and_then(|shown| shown.elements())
        .is_some_and(|shown| shown.iter().all(is_unseen))
}

fn removal(judge: &Judge<'_>, write: &Entry, path: &str, had: &[Rule]) -> Standing {
    if !merges(had) {
        return match judge.removal(write, path) {
            Standing::Unaccounted => set_aside(judge, write, path, None, had).unwrap_or(Standing::Unaccounted),
            standing => standing,
        };
    }
    let stamp = write.stamp();
    let lists = |(at, listed)| at == path && stamp.is_none_or(|stamp| stamp == listed);
    if judge.shown(path).is_none() {
        return Standing::Visible;
    }
    if judge.view.is_some_and(|view| view.listed_removals().any(lists)) {
        return Standing::Conflict;
    }
    after(judge, write, |other, edit| other.delete || edit.path() == path)
        .or_else(|| set_aside(judge, write, path, None, had))
        .or_else(|| judge.is_forgotten(write, path).then_some(Standing::SetAside))
        .unwrap_or(Standing::Unaccounted)
}

fn addition(judge: &Judge<'_>, write: &Entry, path: &str, element: &Json) -> Standing {
    if judge.shows_element(path, element) {
        return Standing::Visible;
    }
    if judge.view.is_some_and(|view| view.lists_element(path, element)) {
        return Standing::Conflict;
    }
    after(judge, write, |other, edit| {
        other.delete || takes_out(edit, path, element)
    })
    .unwrap_or(Standing::Unaccounted)
}

/// Whether an edit takes an element that its author had seen out of what stands at a path.
fn takes_out(edit: &Edit, path: &str, element: &Json) -> bool {
    match edit {
        Edit::Discard {
            path: at,
            element: other,
        } => at == path && other == element,
        Edit::Assign { path: at, .. } | Edit::Remove { path: at, .. } => at == path,
        // Of arrays that compete the shown one stays, and goes on.
        Edit::Replace { path: at, read } => at == path && read.len() > 1,
        _ => false,
    }
}

fn discard(judge: &Judge<'_>, write: &Entry, path: &str, element: &Json) -> Standing {
    if !judge.shows_element(path, element) {
        return Standing::Visible;
    }
    let puts = |edit: &Edit| match edit {
        Edit::Add {
            path: at,
            element: other,
        } => at == path && other == element,
        Edit::Assign { path: at, value, .. } => at == path && value.elements().is_some_and(|all| all.contains(element)),
        // The first edit of a plain array makes a set of all of it. What else looks like one is a set already.
        Edit::Replace { path: at, read } => {
            let holds = |array: &Json| array.elements().is_some_and(|all| all.contains(element));
            at == path && read.iter().any(|array| holds(array) && is_assigned(judge, path, array))
        }
        _ => false,
    };
    if let Some(overwritten) = after(judge, write, |_, edit| puts(edit)) {
        return overwritten;
    }
    let unseen = |other: &Entry| other.number != write.number && write.has_seen(other) != Some(true);
    match judge.edits().any(|(other, edit)| puts(edit) && unseen(other)) {
        true => Standing::SetAside,
        false => Standing::Unaccounted,
    }
}

fn is_assigned(judge: &Judge<'_>, path: &str, value: &Json) -> bool {
    let assigns =
        |edit: &Edit| matches!(edit, Edit::Assign { path: at, value: other, .. } if at == path && other == value);
    judge.edits().any(|(_, edit)| assigns(edit))
}

/// Somebody who may have seen `write` has done this.
fn after(judge: &Judge<'_>, write: &Entry, done: impl Fn(&Entry, &Edit) -> bool) -> Option<Standing> {
    let mut later = judge.edits();
    let later = later.any(|(other, edit)| done(other, edit) && other.may_have_seen(write));
    later.then_some(Standing::Overwritten)
}

fn set_aside(judge: &Judge<'_>, write: &Entry, path: &str, value: Option<&Json>, had: &[Rule]) -> Option<Standing> {
    let decides = |rule: Rule| {
        let is_gone = judge.is_whole && rule != judge.rules.rule_of(path);
        !(is_gone && is_kept(judge, rule, write, path))
    };
    let mut had = had.iter().copied().filter(|rule| decides(*rule));
    had.any(|rule| precedence::is_set_aside(judge, rule, write, (path, value)))
        .then_some(Standing::SetAside)
}

/// Whether what a rule has put in the second place is listed again once the rule is gone: nobody has changed the path where that stood.
fn is_kept(judge: &Judge<'_>, rule: Rule, write: &Entry, path: &str) -> bool {
    let mut edits = judge.edits();
    matches!(rule, Rule::Max | Rule::Min)
        && !edits.any(|(other, edit)| edit.path() == path && other.may_be_put_on(write))
}

/// A summand of a count.
struct Part {
    amount: i128,
    /// Whether it may be missing from the sum.
    free: bool,
    numbers: Vec<u64>,
}

fn count(judge: &Judge<'_>, write: &Entry, path: &str) -> Option<Standing> {
    if !judge.is_whole {
        return None;
    }
    let parts = parts(judge, path);
    let is_part = |part: &&Part| part.numbers.contains(&write.number);
    if parts.iter().filter(is_part).all(|part| part.free) {
        return Some(Standing::Overwritten);
    }
    let Some(sums) = sums(&parts) else {
        return Some(Standing::NotJudged);
    };
    let shown = judge.shown(path).into_iter();
    let listed = judge.view.into_iter().flat_map(|view| view.listed_at(path));
    let mut numbers = shown.chain(listed).filter_map(|value| value.as_integer());
    Some(match numbers.any(|number| sums.binary_search(&number).is_ok()) {
        true => Standing::Visible,
        false => Standing::Unaccounted,
    })
}

/// What was added, and the numbers that somebody began to count from.
fn parts(judge: &Judge<'_>, path: &str) -> Vec<Part> {
    let writes = judge.writes.iter().copied().enumerate();
    let additions = Addition::all(writes, path).into_iter().map(|addition| {
        let done = addition.writes.iter().map(|place| judge.writes[*place]);
        Part {
            amount: addition.amount,
            free: done.clone().all(|write| !write.is_ok() || is_ended(judge, write, path)),
            numbers: done.map(|write| write.number).collect(),
        }
    });
    let mut parts: Vec<Part> = additions.collect();
    for (amount, begun) in begun(judge, path) {
        let numbers = begun.writes.into_iter().enumerate();
        // Which of several writes of one number it was nobody can tell: one of them counts.
        parts.extend(numbers.map(|(place, number)| Part {
            amount,
            free: place > 0 || !begun.is_certain,
            numbers: vec![number],
        }));
    }
    parts
}

/// A number that somebody began to count from.
#[derive(Default)]
struct Begun {
    /// Whether it must be in the sum.
    is_certain: bool,
    /// Who may have put it there.
    writes: BTreeSet<u64>,
}

fn begun(judge: &Judge<'_>, path: &str) -> BTreeMap<i128, Begun> {
    let mut found: BTreeMap<i128, Begun> = BTreeMap::new();
    for (counter, edit) in judge.edits() {
        let Edit::Increment {
            path: at,
            read: Some(read),
            ..
        } = edit
        else {
            continue;
        };
        let puts = |edit: &Edit| matches!(edit, Edit::Assign { path: at, value, .. } if at == path && value.as_integer() == Some(*read));
        let bases = judge.edits().filter(|(_, edit)| at == path && puts(edit));
        let bases: Vec<&Entry> = bases
            .map(|(base, _)| base)
            .filter(|base| counter.may_have_seen(base))
            .collect();
        if bases.is_empty() {
            continue;
        }
        let stands = |write: &Entry| write.is_ok() && !is_ended(judge, write, path);
        // What he read may also be what others had counted up to.
        let counts =
            |edit: &Edit| matches!(edit, Edit::Start { path: at, .. } | Edit::Increment { path: at, .. } if at == path);
        let mut counted = judge.edits().filter(|(_, edit)| counts(edit));
        let is_first = counted.all(|(other, _)| !counter.may_have_seen(other));
        let begun = found.entry(*read).or_default();
        begun.is_certain |= is_first && stands(counter) && bases.iter().all(|base| stands(base));
        begun.writes.extend(bases.iter().map(|base| base.number));
    }
    found
}

/// Whether somebody who may have seen `write` put something in the place of the count, or decided about it, or deleted the document.
fn is_ended(judge: &Judge<'_>, write: &Entry, path: &str) -> bool {
    let ends = |other: &Entry, edit: &Edit| match edit {
        Edit::Assign { path: at, .. } | Edit::Remove { path: at, .. } | Edit::Stop { path: at, .. } => at == path,
        Edit::Replace { path: at, read } => at == path && (read.len() > 1 || other.facts.resolves),
        _ => other.delete,
    };
    after(judge, write, ends).is_some()
}

/// What the parts can add up to, in ascending order; `None` if there are too many possibilities.
fn sums(parts: &[Part]) -> Option<Vec<i128>> {
    let mut sums = vec![0_i128];
    for part in parts {
        let before = part.free.then(|| sums.clone());
        sums.iter_mut().for_each(|sum| *sum = sum.saturating_add(part.amount));
        if let Some(before) = before {
            sums.extend(before);
            sums.sort_unstable();
        }
        sums.dedup();
        if sums.len() > SUMS_MAX {
            return None;
        }
    }
    Some(sums)
}
