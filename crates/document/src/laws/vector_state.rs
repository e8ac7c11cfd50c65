//! Reads the states of recorded vectors.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::fields::{Leaf, Node, Segment};
use crate::head::Head;
use crate::value::parse_stored_value;
use crate::{Ancestry, Dot, FieldDocument, HlcTime, Object, ReplicaId, Revision, Value, VersionVector};

/// The mark of a removal in the vectors.
const REMOVED: &str = "\u{2205}";

/// "A", "B", "C" become replica ids that keep their order.
pub(super) fn replica(name: &Json) -> ReplicaId {
    let letter = name
        .as_str()
        .and_then(|name| name.bytes().next())
        .expect("a replica has a name");
    ReplicaId([0, 0, 0, 0, 0, 0, 0, letter])
}

pub(super) fn dot(json: &Json) -> Dot {
    Dot::new(HlcTime(json[0].as_u64().expect("a time")), replica(&json[1]))
}

pub(super) fn value(json: &Json) -> Value {
    parse_stored_value(json.to_string().as_bytes()).expect("serde_json prints JSON")
}

pub(super) fn object(json: &Json) -> Object {
    value(json).as_object().expect("a body is an object").clone()
}

pub(super) fn vector(json: &Json) -> VersionVector {
    let entries = json.as_object().expect("a vector is an object").iter();
    entries
        .map(|(name, time)| (replica(&name.as_str().into()), HlcTime(time.as_u64().expect("a time"))))
        .collect()
}

pub(super) fn revision(json: &Json) -> Revision {
    json.as_str().and_then(|text| text.parse().ok()).expect("a revision")
}

pub(super) fn state(json: &Json) -> FieldDocument {
    let mut document = FieldDocument {
        context: vector(&json["context"]),
        ..FieldDocument::empty()
    };
    for entry in json["heads"].as_array().expect("heads") {
        document.heads.insert(dot(&entry[0]), head(&entry[1]));
    }
    for entry in json["fields"].as_array().expect("fields") {
        let path = entry[0]
            .as_array()
            .expect("a path")
            .iter()
            .map(segment)
            .collect::<Vec<_>>();
        let siblings = entry[1].as_array().expect("siblings").iter();
        let siblings = siblings
            .map(|sibling| (dot(&sibling[0]), leaf(path.last(), &sibling[1])))
            .collect();
        let node = path.into_iter().fold(&mut document.fields, |node: &mut Node, step| {
            node.children.entry(step).or_default()
        });
        node.siblings = siblings;
    }
    document
}

fn head(json: &Json) -> Head {
    Head {
        revision: revision(&json[0]),
        deleted: json[1].as_bool().expect("a flag"),
        past: vector(&json[2]),
        ancestry: Ancestry::none(),
        body: Arc::new(Object::new()),
        closed: Arc::default(),
    }
}

fn segment(json: &Json) -> Segment {
    match (json.as_str(), json[0].as_str()) {
        (Some(name), _) => Segment::Member(name.into()),
        (None, Some("set")) => Segment::Element(json[1].as_str().expect("canonical text").into()),
        (None, Some("inc")) if json[1] == 0 => Segment::Creation(revision(&json[2])),
        (None, Some("inc")) => Segment::Increments(dot(&serde_json::json!([json[1], json[2]]))),
        _ => panic!("unknown segment {json}"),
    }
}

fn leaf(segment: Option<&Segment>, json: &Json) -> Leaf {
    match segment {
        Some(Segment::Element(_)) => Leaf::Element {
            value: value(&json[0]),
            place: json[1].as_u64().expect("a place") as u32,
        },
        Some(Segment::Increments(_) | Segment::Creation(_)) => Leaf::Amount(json.as_i64().expect("an amount").into()),
        _ if json == REMOVED => Leaf::Removed,
        _ if *json == serde_json::json!({}) => Leaf::EmptyObject,
        _ if *json == serde_json::json!([]) => Leaf::EmptyArray,
        _ => Leaf::Scalar(value(json)),
    }
}
