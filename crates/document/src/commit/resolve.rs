//! A client settles open conflicts: what it chooses takes the place of every candidate.
//!
//! It has read the state that it settles, so nothing of it is unseen. Equal choices made in two datacenters put equal values under two dots, which
//! is no conflict.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fields::{Kind, Leaf, Node, Segment, Siblings, push_segment};
use crate::rules::RuleNode;
use crate::view::build;
use crate::{
    Base, Candidate, CandidateKind, Committed, Document, Dot, FieldDocument, Object, OnConflict, OpenConflict, Refused,
    Resolution, Rule, RuleSet, Settle, Value, Write,
};

use super::flatten::{Flat, Put, flatten_value};

impl FieldDocument {
    /// The state after a resolution, and what it shows.
    ///
    /// # Errors
    /// [`Refused::NotInConflict`], [`Refused::CannotStand`] or [`Refused::CounterNotInteger`].
    pub(crate) fn resolve(&self, resolution: &Resolution, rules: &RuleSet) -> Result<Committed, Refused> {
        let shown = self.shown(rules);
        match &resolution.settle {
            Settle::Body(None) => Ok(self.deleted_by(resolution.dot, rules)),
            Settle::Body(Some(body)) => {
                let fields = self.whole(body, rules, resolution)?;
                Ok(self.settled(fields, body, resolution, rules))
            }
            Settle::Paths(choices) if choices.iter().any(|(path, value)| path.is_empty() && value.is_none()) => {
                in_conflict("", &shown.conflicts)?;
                Ok(self.deleted_by(resolution.dot, rules))
            }
            Settle::Paths(choices) => {
                let mut fields = self.shown_fields().into_owned();
                let open: BTreeSet<&str> = shown.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
                for (path, value) in choices {
                    if !open.contains(path.as_str()) {
                        return Err(Refused::NotInConflict { path: path.clone() });
                    }
                    if !path.is_empty() {
                        settle(&mut fields, path, value.as_ref(), rules, resolution)?;
                    }
                }
                let committed = self.settled(fields, &shown.body, resolution, rules);
                stand(choices, &committed.shown.body)?;
                Ok(committed)
            }
            Settle::Without(candidates) => {
                let mut fields = self.shown_fields().into_owned();
                for (path, dot) in candidates {
                    let mut listed = shown
                        .conflict_at(path)
                        .into_iter()
                        .flat_map(|conflict| &conflict.candidates);
                    let listed = listed.find(|candidate| candidate.dot == *dot);
                    let candidate = listed.ok_or_else(|| Refused::NotInConflict { path: path.clone() })?;
                    if !path.is_empty() {
                        give_way(&mut fields, path, candidate);
                    }
                }
                Ok(self.settled(fields, &shown.body, resolution, rules))
            }
        }
    }

    fn settled(&self, mut fields: Node, like: &Object, resolution: &Resolution, rules: &RuleSet) -> Committed {
        let dot = resolution.dot;
        let built = build(&fields, &self.heads, rules.root(), like);
        let child = self.child(&built.body, rules);
        super::counters::name_all_creations(&mut fields, &child.revision);
        self.headed(dot, fields, built, child)
    }

    /// The fields once a body is written as usual, and what is in conflict then is settled by what it shows.
    fn whole(&self, body: &Arc<Object>, rules: &RuleSet, resolution: &Resolution) -> Result<Node, Refused> {
        let base = self.read_base(rules);
        let write = Write {
            dot: resolution.dot,
            base: &base,
            body: Some(Arc::clone(body)),
            on_conflict: OnConflict::Refuse,
            request: resolution.request,
            everywhere: None,
            tombstone: None,
        };
        let committed = self.commit(&write, rules)?;
        let Document::Fields(FieldDocument { mut fields, .. }) = committed.document else {
            return Ok(Node::new());
        };
        for conflict in committed
            .shown
            .conflicts
            .iter()
            .filter(|conflict| !conflict.path.is_empty())
        {
            settle(&mut fields, &conflict.path, conflict.shown.as_ref(), rules, resolution)?;
        }
        Ok(fields)
    }

    fn read_base(&self, rules: &RuleSet) -> Base {
        let shown = self.shown(rules);
        Base {
            revision: Some(shown.revision),
            context: self.context.clone(),
            body: (!shown.deleted).then_some(shown.body),
        }
    }
}

/// Every candidate that is listed was read; a path that is not listed needs an ordinary write.
fn in_conflict(path: &str, conflicts: &[OpenConflict]) -> Result<(), Refused> {
    if conflicts.iter().any(|conflict| conflict.path == path) {
        return Ok(());
    }
    Err(Refused::NotInConflict { path: path.to_owned() })
}

/// Whether a client may put a value of its own at a path (JSON pointer). A value that was there before may stay whatever it is.
///
/// # Errors
/// [`Refused::CounterNotInteger`]: it has a number that the rule `counter` cannot count with.
pub fn check_counters(path: &str, value: &Value, rules: &RuleSet) -> Result<(), Refused> {
    let names = path.split('/').skip(1).filter_map(crate::fields::unescape);
    let rule = names.fold(rules.root(), |rule, name| rule.member(&name));
    check_below(&mut path.to_owned(), value, rule)
}

fn check_below(path: &mut String, value: &Value, rule: &RuleNode) -> Result<(), Refused> {
    match value {
        Value::Number(number) if rule.rule() == Rule::Counter => {
            let total = number.as_i128_integer().and_then(|total| i64::try_from(total).ok());
            let fraction = || Refused::CounterNotInteger { path: path.clone() };
            total.map(drop).ok_or_else(fraction)
        }
        Value::Object(object) => object.iter_sorted().try_for_each(|(name, value)| {
            let length = path.len();
            push_segment(path, name);
            check_below(path, value, rule.member(name))?;
            path.truncate(length);
            Ok(())
        }),
        _ => Ok(()),
    }
}

/// A choice inside of another one, or inside of a value that gives way, may not come to stand where it was meant to.
fn stand(choices: &[(String, Option<Value>)], body: &Object) -> Result<(), Refused> {
    let stands = |(path, value): &&(String, Option<Value>)| path.is_empty() || body.pointer(path) == value.as_ref();
    match choices.iter().find(|choice| !stands(choice)) {
        None => Ok(()),
        Some((path, _)) => Err(Refused::CannotStand { path: path.clone() }),
    }
}

/// Puts one value in the place of everything at a path and below.
fn settle(
    fields: &mut Node,
    path: &str,
    value: Option<&Value>,
    rules: &RuleSet,
    resolution: &Resolution,
) -> Result<(), Refused> {
    let (mut node, mut rule): (&mut Node, &RuleNode) = (fields, rules.root());
    for token in path.split('/').skip(1) {
        // The path is one of the listed ones, whose escapes are ours.
        let name = crate::fields::unescape(token).unwrap_or_default();
        rule = rule.member(&name);
        node = node.children.entry(Segment::Member(name.into())).or_default();
    }
    let before = std::mem::take(node);
    match value {
        Some(value) => put(node, Some(&before), &flatten_value(value, rule), resolution, path)?,
        None => node.siblings.insert(resolution.dot, Leaf::Removed),
    }
    if value.is_some_and(|value| matches!(value, Value::Object(_))) {
        mark_removed(&before, node, resolution.dot);
    }
    Ok(())
}

/// Takes one candidate away. Of a container all that it holds was read as its value.
fn give_way(fields: &mut Node, path: &str, candidate: &Candidate) {
    let mut node = fields;
    for token in path.split('/').skip(1) {
        let name = crate::fields::unescape(token).unwrap_or_default();
        let Some(child) = node.children.get_mut(&Segment::Member(name.into())) else {
            return;
        };
        node = child;
    }
    let kind = match &candidate.kind {
        CandidateKind::Value(Value::Object(_)) => Kind::Object,
        CandidateKind::Value(Value::Array(_)) => Kind::Set,
        _ => Kind::Counter,
    };
    let single = |leaf: &Leaf| leaf.marks().is_none();
    if node.siblings.get(candidate.dot).is_some_and(single) {
        node.siblings.retain(|dot, _| dot != candidate.dot);
    } else {
        node.siblings.retain(|_, leaf| leaf.marks() != Some(kind));
        node.children.retain(|segment, _| segment.kind() != kind);
    }
}

/// What stood in an object and does not any more leaves a mark, so that an edit of it elsewhere is listed.
fn mark_removed(before: &Node, after: &mut Node, dot: Dot) {
    for (segment, child) in &before.children {
        if segment.as_member().is_none() || !child.is_live() {
            continue;
        }
        let stays = after.children.contains_key(segment);
        let node = after.children.entry(segment.clone()).or_default();
        if !stays {
            node.siblings.insert(dot, Leaf::Removed);
        } else if node.siblings.is_empty() {
            mark_removed(child, node, dot);
        }
    }
}

fn put(
    node: &mut Node,
    before: Option<&Node>,
    flat: &Flat,
    resolution: &Resolution,
    path: &str,
) -> Result<(), Refused> {
    match &flat.put {
        None => {}
        Some(Put::Leaf(leaf)) => node.siblings.insert(resolution.dot, leaf.clone()),
        Some(Put::Total(total)) if i64::try_from(*total).is_ok() => count_to(node, before, *total, resolution),
        Some(Put::Total(_)) => return Err(Refused::CounterNotInteger { path: path.to_owned() }),
    }
    for (segment, child) in &flat.children {
        let before = before.and_then(|before| before.children.get(segment));
        let node = node.children.entry(segment.clone()).or_default();
        put(node, before, child, resolution, path)?;
    }
    Ok(())
}

/// A counter keeps the entries that it has: each holds all that its replica ever added, so the next state of one would bring that back beside a new
/// total. What is missing to the chosen total is one entry more, under a name that the same resolution made elsewhere gives it too.
fn count_to(node: &mut Node, before: Option<&Node>, total: i128, resolution: &Resolution) {
    let own = resolution
        .request
        .map_or(Segment::Creation(crate::Revision::none()), Segment::Request);
    let mut sum = 0i128;
    for (segment, entry) in before.into_iter().flat_map(Node::counted) {
        if let Some(amount) = entry
            .newest()
            .filter(|_| *segment != own)
            .and_then(|(_, leaf)| leaf.amount())
        {
            sum = sum.saturating_add(amount);
            node.children.insert(segment.clone(), entry.clone());
        }
    }
    let difference = Node {
        siblings: Siblings::of(resolution.dot, Leaf::Amount(total.saturating_sub(sum))),
        ..Node::new()
    };
    node.children.insert(own, difference);
}
