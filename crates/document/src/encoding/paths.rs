//! Exceptions: paths, each written as what it does not share with the one before, and their siblings.

use std::sync::Arc;

use super::dot_runs::Numbered;
use super::encode_fields::follows_from_text;
use super::heads::{read_revision_id, write_revision_id};
use super::table::Table;
use super::{DecodeError, Reader, Writer};
use crate::fields::{Leaf, Node, Segment, Siblings};
use crate::value::{parse_stored_value, write_json};
use crate::{DEPTH_MAX, Dot, RequestName, Value};

const MEMBER: u8 = 0;
const ELEMENT: u8 = 1;
const CREATION: u8 = 2;
const INCREMENTS: u8 = 3;
const REQUEST: u8 = 4;

const SCALAR: u8 = 0;
const EMPTY_OBJECT: u8 = 1;
const EMPTY_ARRAY: u8 = 2;
const REMOVED: u8 = 3;
const ELEMENT_OF_TEXT: u8 = 4;
const ELEMENT_WITH_VALUE: u8 = 5;
const AMOUNT: u8 = 6;

/// Writes paths and the siblings that stand there (none: the template's do not).
pub(super) fn write_exceptions(
    exceptions: &[(Vec<Segment>, Option<&Siblings>)],
    table: &Table,
    dots: &Numbered,
    writer: &mut Writer,
) {
    writer.length(exceptions.len());
    let mut last: &[Segment] = &[];
    for (path, siblings) in exceptions {
        let shared = last.iter().zip(path).take_while(|(a, b)| a == b).count();
        writer.length(shared);
        writer.length(path.len() - shared);
        path[shared..]
            .iter()
            .for_each(|segment| write_segment(segment, table, writer));
        writer.length(siblings.map_or(0, Siblings::len));
        for (dot, leaf) in siblings.iter().flat_map(|siblings| siblings.iter()) {
            writer.length(dots.number(dot));
            write_leaf(leaf, path.last(), writer);
        }
        last = path;
    }
}

/// Replaces the siblings of the paths in `root`.
pub(super) fn read_exceptions(
    root: &mut Node,
    table: &Table,
    dots: &[Dot],
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let mut path: Vec<Segment> = Vec::new();
    for _ in 0..reader.length(5)? {
        let (shared, steps) = (reader.small()?, reader.length(1)?);
        // Every path has a step of its own, so a short input cannot ask for many walks.
        if shared > path.len() || steps == 0 {
            return Err(DecodeError::Malformed("path"));
        }
        path.truncate(shared);
        for _ in 0..steps {
            push_segment(&mut path, table, reader)?;
        }
        let last = path.last().ok_or(DecodeError::Malformed("path"))?;
        let siblings = read_siblings(last, path.len(), dots, reader)?;
        let node = path
            .iter()
            .fold(&mut *root, |node, step| node.children.entry(step.clone()).or_default());
        node.siblings = siblings;
    }
    Ok(())
}

fn read_siblings(last: &Segment, depth: usize, dots: &[Dot], reader: &mut Reader<'_>) -> Result<Siblings, DecodeError> {
    let count = reader.length(2)?;
    let mut siblings = Siblings::new();
    for _ in 0..count {
        let dot = *dots.get(reader.small()?).ok_or(DecodeError::Malformed("dot"))?;
        if siblings.newest().is_some_and(|(newest, _)| newest >= dot) {
            return Err(DecodeError::Malformed("siblings"));
        }
        siblings.insert(dot, read_leaf(last, depth, reader)?);
    }
    Ok(siblings)
}

fn write_segment(segment: &Segment, table: &Table, writer: &mut Writer) {
    match segment {
        Segment::Member(name) => {
            writer.byte(MEMBER);
            writer.text(name);
        }
        Segment::Element(text) => {
            writer.byte(ELEMENT);
            writer.text(text);
        }
        Segment::Creation(revision) => {
            writer.byte(CREATION);
            write_revision_id(revision, writer);
        }
        Segment::Increments(dot) => {
            writer.byte(INCREMENTS);
            table.write_dot(*dot, writer);
        }
        Segment::Request(name) => {
            writer.byte(REQUEST);
            writer.bytes(&name.0);
        }
    }
}

fn push_segment(path: &mut Vec<Segment>, table: &Table, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if path.len() >= DEPTH_MAX {
        return Err(DecodeError::TooDeep("path"));
    }
    let segment = match reader.byte()? {
        MEMBER => Segment::Member(reader.text()?.into()),
        ELEMENT => Segment::Element(canonical(reader.text()?)?),
        CREATION => Segment::Creation(read_revision_id(reader)?),
        INCREMENTS => Segment::Increments(table.read_dot(reader)?),
        REQUEST => Segment::Request(RequestName(reader.array()?)),
        _ => return Err(DecodeError::Malformed("path")),
    };
    // What a rule makes stands below a member, and nothing below it.
    let fits = match path.last() {
        None => segment.as_member().is_some(),
        Some(last) => last.as_member().is_some(),
    };
    if !fits {
        return Err(DecodeError::Malformed("path"));
    }
    path.push(segment);
    Ok(())
}

fn canonical(text: &str) -> Result<Arc<str>, DecodeError> {
    let value = parse_stored_value(text.as_bytes()).map_err(|_| DecodeError::Malformed("element"))?;
    if value.canonical() == text {
        Ok(text.into())
    } else {
        Err(DecodeError::Malformed("element"))
    }
}

fn write_leaf(leaf: &Leaf, last: Option<&Segment>, writer: &mut Writer) {
    match leaf {
        Leaf::Scalar(value) => {
            writer.byte(SCALAR);
            write_value(value, writer);
        }
        Leaf::EmptyObject => writer.byte(EMPTY_OBJECT),
        Leaf::EmptyArray => writer.byte(EMPTY_ARRAY),
        Leaf::Removed => writer.byte(REMOVED),
        Leaf::Element { value, place } => {
            let follows = matches!(last, Some(Segment::Element(text)) if follows_from_text(value, text));
            writer.byte(if follows { ELEMENT_OF_TEXT } else { ELEMENT_WITH_VALUE });
            writer.varint((*place).into());
            if !follows {
                write_value(value, writer);
            }
        }
        Leaf::Amount(amount) => {
            writer.byte(AMOUNT);
            writer.signed(*amount);
        }
    }
}

fn write_value(value: &Value, writer: &mut Writer) {
    let mut text = String::new();
    write_json(value, &mut text);
    writer.text(&text);
}

/// Reads what may stand at a path that ends so.
fn read_leaf(last: &Segment, depth: usize, reader: &mut Reader<'_>) -> Result<Leaf, DecodeError> {
    match (reader.byte()?, last) {
        (SCALAR, Segment::Member(_)) => match read_value(depth, reader)? {
            Value::Object(_) => Err(DecodeError::Malformed("value")),
            Value::Array(items) if items.is_empty() => Err(DecodeError::Malformed("value")),
            value => Ok(Leaf::Scalar(value)),
        },
        (EMPTY_OBJECT, Segment::Member(_)) if depth < DEPTH_MAX => Ok(Leaf::EmptyObject),
        (EMPTY_ARRAY, Segment::Member(_)) if depth < DEPTH_MAX => Ok(Leaf::EmptyArray),
        (REMOVED, Segment::Member(_)) => Ok(Leaf::Removed),
        (ELEMENT_OF_TEXT, Segment::Element(text)) => {
            let place = read_place(reader)?;
            let value = parse_stored_value(text.as_bytes()).map_err(|_| DecodeError::Malformed("element"))?;
            Ok(Leaf::Element {
                value: shallow(value, depth)?,
                place,
            })
        }
        (ELEMENT_WITH_VALUE, Segment::Element(text)) => {
            let place = read_place(reader)?;
            let value = read_value(depth, reader)?;
            if value.canonical() == **text {
                Ok(Leaf::Element { value, place })
            } else {
                Err(DecodeError::Malformed("element"))
            }
        }
        (AMOUNT, Segment::Creation(_) | Segment::Increments(_) | Segment::Request(_)) => {
            reader.signed().map(Leaf::Amount)
        }
        _ => Err(DecodeError::Malformed("leaf")),
    }
}

fn read_place(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    u32::try_from(reader.varint()?).map_err(|_| DecodeError::Malformed("place"))
}

fn read_value(depth: usize, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let value = parse_stored_value(reader.sized()?).map_err(|_| DecodeError::Malformed("value"))?;
    shallow(value, depth)
}

/// What stands at a path must fit into a body of [`DEPTH_MAX`].
fn shallow(value: Value, depth: usize) -> Result<Value, DecodeError> {
    if value.depth() + depth <= DEPTH_MAX {
        Ok(value)
    } else {
        Err(DecodeError::TooDeep("value"))
    }
}
