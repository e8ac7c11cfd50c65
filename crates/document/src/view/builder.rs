//! Builds the body out of the tree of fields, and lists on the way what is in conflict.

use std::collections::BTreeMap;

use super::Visible;
use super::options::{Choice, Options};
use crate::dot_map::DotMap;
use crate::fields::{Kind, Leaf, Node, Segment, push_segment};
use crate::head::Head;
use crate::rules::RuleNode;
use crate::{Candidate, CandidateKind, Dot, Number, Object, OpenConflict, Revision, Value};

/// What was built.
pub(crate) struct Built {
    pub(crate) body: Object,
    /// Ascending by path.
    pub(crate) conflicts: Vec<OpenConflict>,
    pub(crate) visible: Visible,
}

/// Builds what live fields show. Members come in the order of `template`, then bytewise. Conflicts name the heads that carry their candidates.
pub(crate) fn build(fields: &Node, heads: &DotMap<Head>, rules: &RuleNode, template: &Object) -> Built {
    let mut builder = Builder {
        heads,
        conflicts: Vec::new(),
        pointer: String::new(),
    };
    let mut visible = Visible::default();
    let body = builder.object(fields, rules, Some(template), Some(&mut visible));
    builder.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    Built {
        body,
        conflicts: builder.conflicts,
        visible,
    }
}

struct Builder<'a> {
    heads: &'a DotMap<Head>,
    conflicts: Vec<OpenConflict>,
    pointer: String,
}

impl Builder<'_> {
    /// What stands at a path, if anything. Without `visible` it is built as a candidate only: its conflicts are not listed again.
    fn value(
        &mut self,
        node: &Node,
        rules: &RuleNode,
        template: Option<&Value>,
        mut visible: Option<&mut Visible>,
    ) -> Option<Value> {
        let options = Options::of(node);
        let winner = options.winner()?;
        let template = template.and_then(Value::as_object);
        let listing = visible.is_some();
        let (value, open) = match winner.kind() {
            None => {
                let (value, open) = options.resolve(rules.rule());
                (value.cloned(), open)
            }
            Some(kind) => {
                let value = self.container(node, kind, rules, template, visible.as_deref_mut());
                (Some(value), !options.removals.is_empty())
            }
        };
        if let Some(visible) = visible {
            visible.leaf = visible_leaf(node, winner, value.as_ref());
        }
        if listing && (open || options.choices().nth(1).is_some()) {
            let shown = (value.clone(), winner.kind());
            let conflict = self.conflict(node, &options, rules, template, shown);
            self.conflicts.push(conflict);
        }
        value
    }

    fn container(
        &mut self,
        node: &Node,
        kind: Kind,
        rules: &RuleNode,
        template: Option<&Object>,
        visible: Option<&mut Visible>,
    ) -> Value {
        if kind == Kind::Object {
            return Value::Object(self.object(node, rules, template, visible));
        }
        let newest = |(segment, child): (&'_ Segment, &'_ Node)| {
            child.newest().map(|(dot, leaf)| (segment.clone(), dot, leaf.clone()))
        };
        let mut items: Vec<_> = match kind {
            Kind::Counter => node.counted().filter_map(newest).collect(),
            _ => node.children_of(kind).filter_map(newest).collect(),
        };
        if let Some(visible) = visible {
            let shown = |(segment, _, leaf): &(Segment, Dot, Leaf)| {
                (
                    segment.clone(),
                    Visible {
                        leaf: Some(leaf.clone()),
                        children: BTreeMap::new(),
                    },
                )
            };
            visible.children.extend(items.iter().map(shown));
        }
        if kind == Kind::Counter {
            return Value::Number(Number::from(sum(items.iter().map(|(_, _, leaf)| leaf))));
        }
        items.sort_by(|a, b| (a.1, place_of(&a.2), &a.0).cmp(&(b.1, place_of(&b.2), &b.0)));
        Value::Array(items.into_iter().filter_map(|(_, _, leaf)| element_of(leaf)).collect())
    }

    fn object(
        &mut self,
        node: &Node,
        rules: &RuleNode,
        template: Option<&Object>,
        mut visible: Option<&mut Visible>,
    ) -> Object {
        let mut members = Vec::with_capacity(node.children.len());
        let mut member = |builder: &mut Self, segment: &Segment, child: &Node| {
            let Segment::Member(name) = segment else { return };
            let like = template.and_then(|template| template.get(name));
            let mut shown = visible.is_some().then(Visible::default);
            let length = builder.pointer.len();
            push_segment(&mut builder.pointer, name);
            let value = builder.value(child, rules.member(name), like, shown.as_mut());
            builder.pointer.truncate(length);
            members.extend(value.map(|value| (name.clone(), value)));
            if let (Some(visible), Some(shown)) = (&mut visible, shown.filter(|shown| !shown.is_empty())) {
                visible.children.insert(segment.clone(), shown);
            }
        };
        for (name, _) in template.into_iter().flat_map(Object::iter) {
            if let Some((segment, child)) = node.children.get_key_value(&Segment::Member(name.clone())) {
                member(self, segment, child);
            }
        }
        for (segment, child) in node.children_of(Kind::Object) {
            let placed = template
                .zip(segment.as_member())
                .is_some_and(|(template, name)| template.get(name).is_some());
            if !placed {
                member(self, segment, child);
            }
        }
        members.into_iter().collect()
    }

    fn conflict(
        &mut self,
        node: &Node,
        options: &Options<'_>,
        rules: &RuleNode,
        template: Option<&Object>,
        (shown, shown_kind): (Option<Value>, Option<Kind>),
    ) -> OpenConflict {
        let mut kinds: Vec<(Dot, CandidateKind)> = Vec::new();
        kinds.extend(
            options
                .scalars
                .iter()
                .map(|(dot, value)| (*dot, CandidateKind::Value((*value).clone()))),
        );
        kinds.extend(options.removals.iter().map(|dot| (*dot, CandidateKind::Removed)));
        for choice in options.choices() {
            if let (Some(kind), Some(dot)) = (choice.kind(), options.newest(choice)) {
                // What is shown is built already; on each level again it would take the product of size and depth.
                let value = match &shown {
                    Some(shown) if shown_kind == Some(kind) => shown.clone(),
                    _ => self.container(node, kind, rules, template, None),
                };
                kinds.push((dot, CandidateKind::Value(value)));
            }
        }
        kinds.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| text_of(one).cmp(&text_of(other))));
        let candidate = |(dot, kind)| Candidate {
            dot,
            revision: branch_of(self.heads, dot),
            kind,
        };
        OpenConflict {
            path: self.pointer.clone(),
            candidates: kinds.into_iter().map(candidate).collect(),
            shown,
        }
    }
}

/// What is visible at the path itself: the scalar, or the mark of the container that is shown.
fn visible_leaf(node: &Node, winner: Choice, value: Option<&Value>) -> Option<Leaf> {
    match winner.kind() {
        None => value.cloned().map(Leaf::Scalar),
        Some(kind) => node.siblings.values().find(|leaf| leaf.marks() == Some(kind)).cloned(),
    }
}

/// The open branch that carries a write: the one that it made, else one whose author had seen it (a live one before a deleted one).
fn branch_of(heads: &DotMap<Head>, dot: Dot) -> Revision {
    let carrying = |deleted| {
        heads
            .values()
            .find(|head| head.deleted == deleted && head.past.covers(dot))
    };
    let head = heads.get(dot).or_else(|| carrying(false)).or_else(|| carrying(true));
    head.or_else(|| heads.values().next())
        .map_or_else(Revision::none, |head| head.revision.clone())
}

/// A removal comes before a value; values by their canonical text.
fn text_of(kind: &CandidateKind) -> Option<String> {
    if let CandidateKind::Value(value) = kind {
        Some(value.canonical())
    } else {
        None
    }
}

/// No number of writes of 64 bits each overflows 128 bits; only made-up states saturate.
fn sum<'a>(leaves: impl Iterator<Item = &'a Leaf>) -> i128 {
    leaves.filter_map(Leaf::amount).fold(0, i128::saturating_add)
}

fn place_of(leaf: &Leaf) -> u32 {
    if let Leaf::Element { place, .. } = leaf {
        *place
    } else {
        0
    }
}

fn element_of(leaf: Leaf) -> Option<Value> {
    if let Leaf::Element { value, .. } = leaf {
        Some(value)
    } else {
        None
    }
}
