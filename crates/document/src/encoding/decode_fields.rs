//! Rebuilds the tree of fields that a body alone tells: the template that exceptions then amend.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use super::DecodeError;
use super::dot_runs::SlotDots;
use super::shape::{Shape, Slot};
use crate::fields::{Node, Segment, Siblings};
use crate::{Object, Revision, Value};

/// Builds a template. It must visit slots and leaves in the order in which the encoder did.
pub(super) struct Template<'a> {
    shapes: Peekable<IntoIter<(usize, Shape)>>,
    dots: SlotDots,
    leaves: usize,
    head: &'a Revision,
}

impl<'a> Template<'a> {
    pub(super) fn new(shapes: Vec<(usize, Shape)>, dots: SlotDots, head: &'a Revision) -> Self {
        Self {
            shapes: shapes.into_iter().peekable(),
            dots,
            leaves: 0,
            head,
        }
    }

    /// The whole tree; without a body it is empty. Every shape and every dot must be used up.
    pub(super) fn build(mut self, body: Option<&Object>) -> Result<Node, DecodeError> {
        let root = body.map(|body| self.object(body)).transpose()?.unwrap_or_default();
        if self.shapes.next().is_some() || !self.dots.is_used_up() {
            return Err(DecodeError::Malformed("fields"));
        }
        Ok(root)
    }

    fn object(&mut self, object: &Object) -> Result<Node, DecodeError> {
        let child = |(name, value): (&Arc<str>, &Value)| Ok((Segment::Member(Arc::clone(name)), self.value(value)?));
        Ok(Node {
            children: object.iter_sorted().map(child).collect::<Result<_, DecodeError>>()?,
            ..Node::new()
        })
    }

    fn value(&mut self, value: &Value) -> Result<Node, DecodeError> {
        match value {
            Value::Object(object) if !object.is_empty() => self.object(object),
            leaf => {
                let place = self.leaves;
                self.leaves += 1;
                let shape = self.shapes.next_if(|(next, _)| *next == place).map(|(_, shape)| shape);
                self.leaf(leaf, shape)
            }
        }
    }

    fn leaf(&mut self, value: &Value, shape: Option<Shape>) -> Result<Node, DecodeError> {
        match (shape, value) {
            (None, _) => self.slot(&Slot::Plain(value)),
            (Some(set @ (Shape::Set | Shape::SetWithPlaces(_))), Value::Array(items)) => self.set(&set, items),
            (Some(Shape::NewCounter), Value::Number(number)) => {
                let amount = number.as_i128_integer().ok_or(DecodeError::Malformed("counter"))?;
                let creation = (Segment::Creation(self.head.clone()), self.slot(&Slot::Amount(amount))?);
                Ok(Node {
                    children: [creation].into(),
                    ..Node::new()
                })
            }
            (Some(Shape::Counter), Value::Number(_)) => Ok(Node::new()),
            _ => Err(DecodeError::Malformed("shape")),
        }
    }

    fn set(&mut self, set: &Shape, items: &[Value]) -> Result<Node, DecodeError> {
        if matches!(set, Shape::SetWithPlaces(places) if places.len() != items.len()) {
            return Err(DecodeError::Malformed("set"));
        }
        let mut node = self.slot(&Slot::SetMark)?;
        for (index, item) in items.iter().enumerate() {
            let element = self.slot(&Slot::Element(item, set.place(index)))?;
            if node
                .children
                .insert(Segment::Element(item.canonical().into()), element)
                .is_some()
            {
                return Err(DecodeError::Malformed("set"));
            }
        }
        Ok(node)
    }

    fn slot(&mut self, slot: &Slot<'_>) -> Result<Node, DecodeError> {
        let dot = self.dots.next().ok_or(DecodeError::Malformed("fields"))?;
        Ok(Node {
            siblings: Siblings::of(dot, slot.to_leaf()),
            ..Node::new()
        })
    }
}
