//! Accounts for every acknowledged write: a delete stands as a head, or its successor's author had seen it; a changed member stands under its dot or
//! with its value, or a client that had seen it changed it, or its rule set it aside.

use std::collections::BTreeMap;

use super::histories::{Logged, rules};
use crate::commit::{Flat, Put, flatten};
use crate::fields::{Leaf, Node, Segment};
use crate::{Base, FieldDocument, Object, Rule, RuleSet};

type Paths = BTreeMap<Vec<Segment>, Put>;

/// Every write of the log is accounted for in the final state.
pub(super) fn account(end: &FieldDocument, log: &[Logged]) {
    let rules = rules();
    for write in log {
        let later = || {
            log.iter()
                .filter(|other| other.dot != write.dot && other.base.context.covers(write.dot))
        };
        let Some(body) = &write.body else {
            let known = end
                .heads
                .iter()
                .any(|(dot, head)| dot == write.dot || head.past.covers(write.dot));
            assert!(known, "the delete {} is gone", write.dot);
            continue;
        };
        let (before, after) = (paths_before(&write.base, &rules), paths(body, &rules));
        for (path, put) in &after {
            if is_accounted_otherwise(path, put, &before, &rules) {
                continue;
            }
            let stands = stands(end, path, put, write);
            let overwritten = || later().any(|other| touches(other, path, &rules));
            assert!(stands || overwritten(), "write {} of {path:?} was reverted", write.dot);
        }
    }
}

/// Counters have a law of their own, marks of containers follow their contents, and some rules set values aside.
fn is_accounted_otherwise(path: &[Segment], put: &Put, before: &Paths, rules: &RuleSet) -> bool {
    let unchanged = before.get(path).is_some_and(|old| old == put || is_element(path));
    let derived = match put {
        Put::Total(_) => true,
        Put::Leaf(leaf) => leaf.marks().is_some(),
    };
    let names = path.iter().filter_map(Segment::as_member);
    let rule = names.fold(rules.root(), |node, name| node.member(name)).rule();
    unchanged || derived || matches!(rule, Rule::Latest | Rule::Max | Rule::Min)
}

fn stands(end: &FieldDocument, path: &[Segment], put: &Put, write: &Logged) -> bool {
    let Some(node) = path
        .iter()
        .try_fold(&end.fields, |node: &Node, step| node.children.get(step))
    else {
        return false;
    };
    let same = |leaf: &Leaf| matches!(put, Put::Leaf(put) if put == leaf);
    node.siblings
        .iter()
        .any(|(dot, leaf)| dot == write.dot || is_element(path) || same(leaf))
}

/// Did a write change what stands at the path, or in its place?
fn touches(write: &Logged, path: &[Segment], rules: &RuleSet) -> bool {
    let Some(body) = &write.body else { return true };
    let (before, after) = (paths_before(&write.base, rules), paths(body, rules));
    let changed = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path));
    changed.into_iter().any(|other| {
        let related = other.starts_with(path) || path.starts_with(other);
        let replaces = match (other.split_last(), path.split_last()) {
            (Some((a, above)), Some((b, beside))) => above == beside && a.kind() != b.kind(),
            _ => false,
        };
        related || replaces
    })
}

fn is_element(path: &[Segment]) -> bool {
    path.last().is_some_and(Segment::is_element)
}

fn paths_before(base: &Base, rules: &RuleSet) -> Paths {
    base.body.as_ref().map(|body| paths(body, rules)).unwrap_or_default()
}

fn paths(body: &Object, rules: &RuleSet) -> Paths {
    let mut found = Paths::new();
    collect(&flatten(body, rules.root()), &mut Vec::new(), &mut found);
    found
}

fn collect(flat: &Flat, path: &mut Vec<Segment>, found: &mut Paths) {
    found.extend(flat.put.clone().map(|put| (path.clone(), put)));
    for (segment, child) in &flat.children {
        path.push(segment.clone());
        collect(child, path, found);
        path.pop();
    }
}
