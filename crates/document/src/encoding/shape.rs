//! What a body alone does not tell: which of its arrays are sets, and which of its numbers are counters.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{DecodeError, Reader, Writer};
use crate::fields::{Leaf, Node, Segment};
use crate::{Revision, Value};

/// How a leaf of the body stands in the tree of fields, if not as a plain value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// A set whose elements were added at the places that they have in the body.
    Set,
    /// A set whose elements were added at these places.
    SetWithPlaces(Vec<u32>),
    /// A counter that the head's revision created.
    NewCounter,
    /// A counter whose amounts are all written as exceptions.
    Counter,
}

/// What the template puts at one path.
pub(super) enum Slot<'a> {
    /// A value that is not entered.
    Plain(&'a Value),
    /// The mark of a set.
    SetMark,
    /// An element of a set.
    Element(&'a Value, u32),
    /// What a counter was created with.
    Amount(i128),
}

impl Slot<'_> {
    pub(super) fn to_leaf(&self) -> Leaf {
        match self {
            Self::Plain(Value::Object(object)) if object.is_empty() => Leaf::EmptyObject,
            Self::Plain(Value::Array(items)) if items.is_empty() => Leaf::EmptyArray,
            Self::Plain(value) => Leaf::Scalar((*value).clone()),
            Self::SetMark => Leaf::EmptyArray,
            Self::Element(value, place) => Leaf::Element {
                value: (*value).clone(),
                place: *place,
            },
            Self::Amount(amount) => Leaf::Amount(*amount),
        }
    }
}

impl Shape {
    /// The shape that describes a node best.
    pub(super) fn of(value: &Value, node: &Node, head: &Revision) -> Option<Self> {
        match (value, node.children.keys().next()?) {
            (Value::Array(items), Segment::Element(_)) => Self::of_set(items, node),
            (Value::Number(number), Segment::Creation(revision)) if revision == head && node.children.len() == 1 => {
                Some(if number.as_i128_integer().is_some() {
                    Self::NewCounter
                } else {
                    Self::Counter
                })
            }
            (Value::Number(_), Segment::Creation(_) | Segment::Increments(_) | Segment::Request(_)) => {
                Some(Self::Counter)
            }
            _ => None,
        }
    }

    fn of_set(items: &[Value], node: &Node) -> Option<Self> {
        let texts: Vec<Arc<str>> = items.iter().map(|item| item.canonical().into()).collect();
        if texts.iter().collect::<BTreeSet<_>>().len() < texts.len() {
            return None;
        }
        let place = |(index, text): (usize, &Arc<str>)| {
            let element = node.children.get(&Segment::Element(text.clone()))?;
            let place = if let Leaf::Element { place, .. } = element.newest()?.1 {
                Some(*place)
            } else {
                None
            };
            Some((place?, index))
        };
        let places = texts.iter().enumerate().map(place).collect::<Option<Vec<_>>>()?;
        let in_order = places
            .iter()
            .all(|(place, index)| usize::try_from(*place) == Ok(*index));
        Some(if in_order {
            Self::Set
        } else {
            Self::SetWithPlaces(places.into_iter().map(|(place, _)| place).collect())
        })
    }

    /// The place at which an element of the set was added.
    pub(super) fn place(&self, index: usize) -> u32 {
        match self {
            Self::SetWithPlaces(places) => places.get(index).copied().unwrap_or_default(),
            _ => u32::try_from(index).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Set => writer.byte(0),
            Self::SetWithPlaces(places) => {
                writer.byte(1);
                writer.length(places.len());
                places.iter().for_each(|place| writer.varint((*place).into()));
            }
            Self::NewCounter => writer.byte(2),
            Self::Counter => writer.byte(3),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.byte()? {
            0 => Ok(Self::Set),
            1 => {
                let count = reader.length(1)?;
                let place = |_| u32::try_from(reader.varint()?).map_err(|_| DecodeError::Malformed("place"));
                (0..count).map(place).collect::<Result<_, _>>().map(Self::SetWithPlaces)
            }
            2 => Ok(Self::NewCounter),
            3 => Ok(Self::Counter),
            _ => Err(DecodeError::Malformed("shape")),
        }
    }
}

/// Writes shapes by the distances of their leaves.
pub(super) fn write_shapes(shapes: &[(usize, Shape)], writer: &mut Writer) {
    writer.length(shapes.len());
    let mut next = 0;
    for (leaf, shape) in shapes {
        writer.length(leaf - next);
        shape.write(writer);
        next = leaf + 1;
    }
}

pub(super) fn read_shapes(reader: &mut Reader<'_>) -> Result<Vec<(usize, Shape)>, DecodeError> {
    let count = reader.length(2)?;
    let mut shapes = Vec::with_capacity(count);
    let mut next = 0usize;
    for _ in 0..count {
        let leaf = next
            .checked_add(reader.small()?)
            .ok_or(DecodeError::Malformed("shape"))?;
        shapes.push((leaf, Shape::read(reader)?));
        next = leaf.checked_add(1).ok_or(DecodeError::Malformed("shape"))?;
    }
    Ok(shapes)
}
