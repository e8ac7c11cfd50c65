//! Every acknowledged write is accounted for: `account` of the reference model of the merge, seen from outside.
//!
//! A delete stands as an open branch, or the author of one had it before him. A changed member is shown, or stands in the list of conflicts, or a
//! client that had read it changed it, or its rule set it aside.

use std::collections::BTreeMap;

use rejoin_document::{CandidateKind, Document, Shown};
use serde_json::Value;

use super::bodies::{Leaf, Path, Segment, canonical, flatten, rule_of};
use super::record::Acknowledged;

/// Fails if one of a document's acknowledged writes was reverted.
pub fn account(writes: &[&Acknowledged], state: &Document, shown: &Shown) {
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
                let later: Vec<_> = later.copied().collect();
                account_members(write, body, &later, (state, shown));
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

fn account_members(write: &Acknowledged, body: &Value, later: &[&Acknowledged], (state, shown): (&Document, &Shown)) {
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
        assert!(
            accounted,
            "the write {} of {path:?} = {leaf:?} was reverted; shown: {shown:#?}",
            write.dot
        );
    }
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
