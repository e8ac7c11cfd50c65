//! A body as leaves: what each path is assigned, under given rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fields::{Leaf, Segment};
use crate::rules::RuleNode;
use crate::{Object, Rule, Value};

/// What a body puts at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    /// This assignment.
    Leaf(Leaf),
    /// A counter with this total; the commit turns it into an increment.
    Total(i128),
}

/// What a body puts at one path and below. Nothing in it is empty, but for the root of an empty body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Flat {
    pub(crate) put: Option<Put>,
    pub(crate) children: BTreeMap<Segment, Flat>,
}

/// The leaves of a whole body. An empty body has none.
pub(crate) fn flatten(body: &Object, rules: &RuleNode) -> Flat {
    let child =
        |(name, value): (&Arc<str>, &Value)| (Segment::Member(name.clone()), flatten_value(value, rules.member(name)));
    Flat {
        put: None,
        children: body.iter_sorted().map(child).collect(),
    }
}

pub(super) fn flatten_value(value: &Value, rules: &RuleNode) -> Flat {
    let put = match value {
        Value::Object(object) if object.is_empty() => Leaf::EmptyObject,
        Value::Object(object) => return flatten(object, rules),
        Value::Array(items) if rules.rule() == Rule::Set => return flatten_set(items),
        Value::Array(items) if items.is_empty() => Leaf::EmptyArray,
        Value::Number(number) if rules.rule() == Rule::Counter => {
            return match number.as_i128_integer() {
                Some(total) => Flat {
                    put: Some(Put::Total(total)),
                    children: BTreeMap::new(),
                },
                None => Flat {
                    put: Some(Put::Leaf(Leaf::Scalar(value.clone()))),
                    children: BTreeMap::new(),
                },
            };
        }
        scalar => Leaf::Scalar(scalar.clone()),
    };
    Flat {
        put: Some(Put::Leaf(put)),
        children: BTreeMap::new(),
    }
}

/// The mark of the set, and its elements; of equal elements the first counts.
fn flatten_set(items: &[Value]) -> Flat {
    let mut children = BTreeMap::new();
    for (place, value) in items.iter().enumerate() {
        // A body of 2^32 elements cannot be held; saturating only keeps the order of the first ones.
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let element = || Flat {
            put: Some(Put::Leaf(Leaf::Element {
                value: value.clone(),
                place,
            })),
            children: BTreeMap::new(),
        };
        children
            .entry(Segment::Element(value.canonical().into()))
            .or_insert_with(element);
    }
    Flat {
        put: Some(Put::Leaf(Leaf::EmptyArray)),
        children,
    }
}
