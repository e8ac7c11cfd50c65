//! Compares the tree of fields with the flattened body, and finds what the body does not tell.

use std::sync::Arc;

use super::shape::{Shape, Slot};
use crate::fields::{Node, Segment, Siblings};
use crate::{Dot, Object, Revision, Value};

/// What a tree of fields has beyond its body.
pub(super) struct Remainder<'a> {
    /// Leaves of the body (counted from zero, members ascending) that are not plain.
    pub(super) shapes: Vec<(usize, Shape)>,
    /// The write of each slot of the template, in its order.
    pub(super) dots: Vec<Dot>,
    /// Paths whose siblings are not what the template has.
    pub(super) exceptions: Vec<(Vec<Segment>, Option<&'a Siblings>)>,
}

/// Compares; `dot` and `head` are those of the head whose body it is.
pub(super) fn compare<'a>(
    body: Option<&Object>,
    fields: &'a Node,
    dot: Option<Dot>,
    head: &'a Revision,
) -> Remainder<'a> {
    let remainder = Remainder {
        shapes: Vec::new(),
        dots: Vec::new(),
        exceptions: Vec::new(),
    };
    let mut comparison = Comparison {
        remainder,
        leaves: 0,
        path: Vec::new(),
        dot,
        head,
    };
    match body {
        Some(body) => comparison.object(body, Some(fields)),
        None => comparison.exceptions_below(fields),
    }
    comparison.remainder
}

struct Comparison<'a> {
    remainder: Remainder<'a>,
    leaves: usize,
    path: Vec<Segment>,
    dot: Option<Dot>,
    head: &'a Revision,
}

impl<'a> Comparison<'a> {
    fn object(&mut self, object: &Object, node: Option<&'a Node>) {
        for (name, value) in object.iter_sorted() {
            let segment = Segment::Member(Arc::clone(name));
            let child = node.and_then(|node| node.children.get(&segment));
            self.path.push(segment);
            self.value(value, child);
            self.path.pop();
        }
        let expected = |segment: &Segment| segment.as_member().is_some_and(|name| object.get(name).is_some());
        self.children_except(node, expected);
    }

    fn value(&mut self, value: &Value, node: Option<&'a Node>) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                if let Some(siblings) = node.map(|node| &node.siblings).filter(|siblings| !siblings.is_empty()) {
                    self.remainder.exceptions.push((self.path.clone(), Some(siblings)));
                }
                self.object(object, node);
            }
            leaf => {
                let shape = node.and_then(|node| Shape::of(leaf, node, self.head));
                self.leaf(leaf, shape.as_ref(), node);
                self.remainder.shapes.extend(shape.map(|shape| (self.leaves, shape)));
                self.leaves += 1;
            }
        }
    }

    fn leaf(&mut self, value: &Value, shape: Option<&Shape>, node: Option<&'a Node>) {
        match (shape, value) {
            (Some(set @ (Shape::Set | Shape::SetWithPlaces(_))), Value::Array(items)) => {
                self.slot(&Slot::SetMark, node);
                for (index, item) in items.iter().enumerate() {
                    let slot = Slot::Element(item, set.place(index));
                    self.child_slot(Segment::Element(item.canonical().into()), &slot, node);
                }
                let texts: std::collections::BTreeSet<String> = items.iter().map(Value::canonical).collect();
                let expected = |segment: &Segment| matches!(segment, Segment::Element(text) if texts.contains(&**text));
                self.children_except(node, expected);
            }
            (Some(Shape::NewCounter), Value::Number(number)) => {
                self.nothing(node);
                let creation = Segment::Creation(self.head.clone());
                let slot = Slot::Amount(number.as_i128_integer().unwrap_or_default());
                self.child_slot(creation.clone(), &slot, node);
                self.children_except(node, |segment| *segment == creation);
            }
            (Some(_), _) => {
                self.nothing(node);
                self.children_except(node, |_| false);
            }
            (None, _) => {
                self.slot(&Slot::Plain(value), node);
                self.children_except(node, |_| false);
            }
        }
    }

    fn child_slot(&mut self, segment: Segment, slot: &Slot<'_>, node: Option<&'a Node>) {
        let child = node.and_then(|node| node.children.get(&segment));
        self.path.push(segment);
        self.slot(slot, child);
        self.path.pop();
    }

    /// The template has one assignment here.
    fn slot(&mut self, slot: &Slot<'_>, node: Option<&'a Node>) {
        let siblings = node.map(|node| &node.siblings);
        let single = siblings
            .filter(|siblings| siblings.len() == 1)
            .and_then(Siblings::newest);
        match single.filter(|(_, leaf)| slot.to_leaf().is_identical(leaf)) {
            Some((dot, _)) => self.remainder.dots.push(dot),
            None => {
                // Which write is named here does not matter, so the run goes on.
                let goes_on = self.remainder.dots.last().copied().or(self.dot);
                self.remainder.dots.extend(goes_on);
                self.remainder.exceptions.push((self.path.clone(), siblings));
            }
        }
    }

    /// The template has nothing here.
    fn nothing(&mut self, node: Option<&'a Node>) {
        if let Some(node) = node.filter(|node| !node.siblings.is_empty()) {
            self.remainder
                .exceptions
                .push((self.path.clone(), Some(&node.siblings)));
        }
    }

    fn children_except(&mut self, node: Option<&'a Node>, expected: impl Fn(&Segment) -> bool) {
        for (segment, child) in node.into_iter().flat_map(|node| &node.children) {
            if !expected(segment) {
                self.path.push(segment.clone());
                self.nothing(Some(child));
                self.exceptions_below(child);
                self.path.pop();
            }
        }
    }

    fn exceptions_below(&mut self, node: &'a Node) {
        self.children_except(Some(node), |_| false);
    }
}

/// Is the element's value what its text reads as, so that it need not be written?
pub(super) fn follows_from_text(value: &Value, text: &str) -> bool {
    crate::value::parse_stored_value(text.as_bytes()).is_ok_and(|parsed| parsed.is_identical(value))
}
