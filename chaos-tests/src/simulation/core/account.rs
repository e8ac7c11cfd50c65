//! Every acknowledged write is accounted for: `account` of the reference model of the merge, seen from outside.
//!
//! A delete stands as an open branch, or the author of one had it before him. A changed member is shown, or stands in the list of conflicts, or a
//! client that had read it changed it, or its rule set it aside. A removed member is absent, or its removal is listed, or a client that had read
//! the document without it brought it back.
//!
//! Two things are asked beyond the reference, so that forgetting too much is noticed. A delete that met an edit takes nothing away from what the
//! author of the edit had before him: the whole document is shown. And a node that came back with an older disk brings back nothing that others have
//! removed since, but for members that its own clients write: a removal that everybody had seen may be forgotten, and is not listed beside them.

use std::collections::BTreeMap;

use rejoin_document::{CandidateKind, Document, Shown};
use serde_json::Value;

use super::bodies::{Leaf, Path, Segment, canonical, flatten, rule_of};
use super::record::Acknowledged;

/// Fails if one of a document's acknowledged writes was reverted.
pub(super) fn account(writes: &[&Acknowledged], state: &Document, shown: &Shown) {
    for write in writes {
        let later = writes
            .iter()
            .filter(|other| other.dot != write.dot && other.base.context.covers(write.dot));
        match &write.body {
            None => assert!(
                delete_stands(write, writes, state),
                "the delete {} was reverted",
                write.dot
            ),
            Some(body) => {
                let later: Vec<_> = later
                    .copied()
                    .filter(|other| other.body.is_some() || !is_met_by_an_edit(other, write, writes, state))
                    .collect();
                let reverted = reverted_member(write, body, &later, (state, shown));
                // Who keeps his write although somebody has deleted the document writes a new one: his base has nothing left to remove from.
                let asked = !writes.iter().any(|delete| is_kept_over(write, delete));
                let undone = || undone_removal(write, body, writes, shown).filter(|_| asked);
                if let Some(path) = reverted.or_else(undone) {
                    panic!(
                        "{path:?} of the write {} was reverted; shown: {shown:#?}\n{}",
                        write.dot,
                        story(writes)
                    );
                }
            }
        }
    }
}

fn delete_stands(write: &Acknowledged, writes: &[&Acknowledged], state: &Document) -> bool {
    state.heads().iter().filter_map(|head| head.dot).any(|dot| {
        dot == write.dot
            || writes
                .iter()
                .any(|other| other.dot == dot && other.seen.covers(write.dot))
    })
}

/// The delete stands beside a live branch whose author had `write` before him: it is listed, and takes nothing.
fn is_met_by_an_edit(delete: &Acknowledged, write: &Acknowledged, writes: &[&Acknowledged], state: &Document) -> bool {
    let heads = state.heads();
    let is_open = |dot, deleted| {
        heads
            .iter()
            .any(|head| head.dot == Some(dot) && head.deleted == deleted)
    };
    let had = |edit: &&Acknowledged| edit.dot == write.dot || edit.seen.covers(write.dot);
    is_open(delete.dot, true) && writes.iter().copied().filter(had).any(|edit| is_open(edit.dot, false))
}

/// The write was rebased on a delete that its client had not read.
fn is_kept_over(write: &Acknowledged, delete: &Acknowledged) -> bool {
    delete.body.is_none() && write.seen.covers(delete.dot) && !write.base.context.covers(delete.dot)
}

/// A member that was written and is gone.
fn reverted_member(
    write: &Acknowledged,
    body: &Value,
    later: &[&Acknowledged],
    (state, shown): (&Document, &Shown),
) -> Option<Path> {
    let before = base_leaves(write);
    for (path, leaf) in flatten(body) {
        let same = before
            .get(&path)
            .is_some_and(|old| is_element(&path) || old.text() == leaf.text());
        let decided = matches!(rule_of(&path), "latest" | "max" | "min");
        if same || decided || matches!(leaf, Leaf::Counter(_)) || leaf.is_empty_container() {
            continue;
        }
        let accounted = hides(&path, &leaf, write, state)
            || stands(&path, &leaf, write, shown)
            || later.iter().any(|other| touches(other, &path));
        if !accounted {
            return Some(path);
        }
    }
    None
}

/// A member that was removed and is back.
fn undone_removal(write: &Acknowledged, body: &Value, writes: &[&Acknowledged], shown: &Shown) -> Option<Path> {
    let after = flatten(body);
    let near = |path: &[Segment]| {
        after
            .keys()
            .any(|other| other.starts_with(path) || path.starts_with(other))
    };
    for (path, leaf) in base_leaves(write) {
        let is_register = rule_of(&path) == "register" && !is_element(&path) && !matches!(leaf, Leaf::Counter(_));
        if !is_register || leaf.is_empty_container() || near(&path) {
            continue;
        }
        let accounted = !is_shown(&path, shown)
            || lists_removal(&path, write, shown)
            || writes
                .iter()
                .any(|other| settles_removal(other, write, &path) || may_have_forgotten(other, write, &path));
        if !accounted {
            return Some(path);
        }
    }
    None
}

fn story(writes: &[&Acknowledged]) -> String {
    let line = |write: &&Acknowledged| {
        let (base, body) = (
            write.base.body.as_ref().map(|body| body.to_json()),
            write.body.as_ref().map(canonical),
        );
        format!(
            "{}: {base:?} -> {body:?}\n  read {:?}\n  beside {:?}{}\n",
            write.dot,
            write.base.context,
            write.seen,
            if write.behind { ", behind" } else { "" }
        )
    };
    writes.iter().map(line).collect()
}

/// A client that had read the document without the member changed something there, or took away or brought back what holds it. So did one who
/// wrote there on a revision from before the removal, at a node that had forgotten it: a removal is listed for as long as it is kept.
fn settles_removal(other: &Acknowledged, removal: &Acknowledged, path: &[Segment]) -> bool {
    if other.dot == removal.dot || !other.seen.covers(removal.dot) {
        return false;
    }
    let had = other.base.context.covers(removal.dot);
    let holds = |leaves: &BTreeMap<Path, Leaf>, above: &[Segment]| leaves.keys().any(|leaf| leaf.starts_with(above));
    let (before, after) = (base_leaves(other), other.body.as_ref().map(flatten).unwrap_or_default());
    let moved = (1..path.len()).any(|above| holds(&before, &path[..above]) != holds(&after, &path[..above]));
    touches(other, path) || had && moved
}

fn is_shown(path: &[Segment], shown: &Shown) -> bool {
    let body = json(&shown.body.to_json());
    let step = |value: &Value, segment: &Segment| match segment {
        Segment::Member(name) => value.get(name).cloned(),
        Segment::Element(_) => None,
    };
    path.iter()
        .try_fold(body, |value, segment| step(&value, segment))
        .is_some()
}

/// The removal is a candidate at the path, or what holds the path was removed with it.
fn lists_removal(path: &[Segment], write: &Acknowledged, shown: &Shown) -> bool {
    let at = |pointer: &str| below(pointer, path).is_some();
    shown
        .conflicts
        .iter()
        .filter(|conflict| at(&conflict.path))
        .any(|conflict| {
            let mut candidates = conflict.candidates.iter();
            candidates.any(|candidate| candidate.kind == CandidateKind::Removed && candidate.dot == write.dot)
        })
}

fn base_leaves(write: &Acknowledged) -> BTreeMap<Path, Leaf> {
    write
        .base
        .body
        .as_ref()
        .map(|body| flatten(&json(&body.to_json())))
        .unwrap_or_default()
}

fn is_element(path: &[Segment]) -> bool {
    matches!(path.last(), Some(Segment::Element(_)))
}

/// The value is shown at the path, or is a candidate there or inside a candidate above.
fn stands(path: &[Segment], leaf: &Leaf, write: &Acknowledged, shown: &Shown) -> bool {
    if holds(&json(&shown.body.to_json()), path, leaf) {
        return true;
    }
    shown.conflicts.iter().any(|conflict| {
        let Some(rest) = below(&conflict.path, path) else {
            return false;
        };
        conflict.candidates.iter().any(|candidate| match &candidate.kind {
            CandidateKind::Value(value) => {
                candidate.dot == write.dot && rest.is_empty() || holds(&json(&value.to_json()), rest, leaf)
            }
            CandidateKind::Removed | CandidateKind::Deleted(_) => false,
        })
    })
}

/// The value stands at the path, shown or not: inside a container that lost to another kind of value it comes to light with the resolution.
fn hides(path: &[Segment], leaf: &Leaf, write: &Acknowledged, state: &Document) -> bool {
    let members: Option<Vec<&str>> = path
        .iter()
        .map(|segment| match segment {
            Segment::Member(name) => Some(name.as_str()),
            Segment::Element(_) => None,
        })
        .collect();
    let (Some(members), Document::Fields(document)) = (members, state) else {
        return false;
    };
    let values = document.values_at(members);
    values
        .iter()
        .any(|(dot, value)| *dot == write.dot || canonical(&json(&value.to_json())) == leaf.text())
}

/// A client of a node that came back with an older disk wrote the member without knowledge of its removal, whose mark may be forgotten by then.
fn may_have_forgotten(other: &Acknowledged, removal: &Acknowledged, path: &[Segment]) -> bool {
    other.behind && other.body.is_some() && !other.seen.covers(removal.dot) && touches(other, path)
}

/// Does a write by a client that had read this path change what stands there, or in its place?
fn touches(write: &Acknowledged, path: &[Segment]) -> bool {
    let Some(body) = &write.body else { return true };
    let (before, after) = (base_leaves(write), flatten(body));
    before.keys().chain(after.keys()).any(|other| {
        let sibling = !other.is_empty()
            && other[..other.len() - 1] == path[..path.len() - 1]
            && is_element(other) != is_element(path);
        let near = other.starts_with(path) || path.starts_with(other) || sibling;
        near && before.get(other).map(Leaf::text) != after.get(other).map(Leaf::text)
    })
}

fn holds(value: &Value, path: &[Segment], leaf: &Leaf) -> bool {
    match path.split_first() {
        None => canonical(value) == leaf.text(),
        Some((Segment::Member(name), rest)) => value.get(name).is_some_and(|value| holds(value, rest, leaf)),
        Some((Segment::Element(text), _)) => value
            .as_array()
            .is_some_and(|elements| elements.iter().any(|element| canonical(element) == *text)),
    }
}

/// What of the path lies below a JSON pointer; None if it is not below.
fn below<'a>(pointer: &str, path: &'a [Segment]) -> Option<&'a [Segment]> {
    let steps = pointer.split('/').skip(1).count();
    let above = path.get(..steps)?;
    let text: String = above
        .iter()
        .map(|segment| match segment {
            Segment::Member(name) => format!("/{name}"),
            Segment::Element(text) => format!("/{text}"),
        })
        .collect();
    (text == pointer).then(|| &path[steps..])
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a shown body is JSON")
}
