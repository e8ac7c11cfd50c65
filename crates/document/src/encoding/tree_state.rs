//! A document in granularity `document`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::heads::{read_body, read_hash, read_revision_id, write_hash, write_revision_id};
use super::table::Table;
use super::{DecodeError, Reader, Writer, requests};
use crate::dot_map::DotMap;
use crate::tree::TreeNode;
use crate::{Object, Revision, RevisionHash, TreeDocument, write_revision};

/// The revision deletes the document.
const DELETED: u8 = 1;
/// The revision follows from parent and body; only its generation is written.
const COMPUTED: u8 = 1 << 1;
/// The revision's hash is a text.
const TEXT: u8 = 1 << 2;
/// The revision is open: its body follows, unless it is deleted.
const OPEN: u8 = 1 << 3;

/// The revision was superseded by one whose parent is another one now.
const CLOSED: u8 = 1 << 4;
/// The revision is open and deleted, and left a body behind that follows.
const LEFT: u8 = 1 << 5;

/// No parent; else the parent in full; else how many nodes before, plus this.
const NO_PARENT: usize = 0;
const PARENT_IN_FULL: usize = 1;
const PARENT_BEFORE: usize = 1;

pub(super) fn write(document: &TreeDocument, table: &Table, writer: &mut Writer) {
    let places: BTreeMap<&Revision, usize> = document.nodes.keys().zip(0..).collect();
    writer.length(document.nodes.len());
    for (place, (revision, node)) in document.nodes.iter().enumerate() {
        let body = document.bodies.get(revision);
        let computes = |body: &Arc<Object>| write_revision(node.parent.as_ref(), node.deleted, body, &[]) == *revision;
        let computed = body.is_some_and(computes);
        let left = node.deleted && body.is_some_and(|body| !body.is_empty());
        let text = !computed && matches!(revision.hash, RevisionHash::Text(_));
        let flags = [
            (node.deleted, DELETED),
            (computed, COMPUTED),
            (text, TEXT),
            (body.is_some(), OPEN),
            (node.closed, CLOSED),
            (left, LEFT),
        ];
        writer.byte(
            flags
                .iter()
                .filter(|(set, _)| *set)
                .fold(0, |bits, (_, bit)| bits | bit),
        );
        write_parent(node.parent.as_ref(), place, &places, writer);
        writer.length(node.dots.len());
        node.dots.iter().for_each(|(dot, ())| table.write_dot(dot, writer));
        if let Some(body) = body.filter(|_| left || !node.deleted) {
            writer.text(&body.to_json());
        }
        if !computed {
            writer.varint(revision.generation);
            write_hash(&revision.hash, writer);
        }
    }
    requests::write(&document.requests, table, writer);
}

pub(super) fn read(table: &Table, reader: &mut Reader<'_>) -> Result<TreeDocument, DecodeError> {
    let count = reader.length(4)?;
    let mut document = TreeDocument {
        context: table.context(),
        ..TreeDocument::empty()
    };
    let mut revisions: Vec<Revision> = Vec::with_capacity(count);
    for _ in 0..count {
        let flags = reader.byte()?;
        let has = |bit| flags & bit != 0;
        let parent = read_parent(&revisions, reader)?;
        let dots = read_dots(table, reader)?;
        let body = if has(OPEN) && (has(LEFT) || !has(DELETED)) {
            read_body(reader)?
        } else {
            Object::new()
        };
        if has(LEFT) && (body.is_empty() || !has(DELETED)) {
            return Err(DecodeError::Malformed("body"));
        }
        let revision = if has(COMPUTED) {
            write_revision(parent.as_ref(), has(DELETED), &body, &[])
        } else {
            Revision {
                generation: reader.varint()?,
                hash: read_hash(has(TEXT), reader)?,
            }
        };
        if revisions.last().is_some_and(|last| *last >= revision) || revision.generation == 0 {
            return Err(DecodeError::Malformed("revision"));
        }
        revisions.push(revision.clone());
        if has(OPEN) {
            document.bodies.insert(revision.clone(), Arc::new(body));
        }
        document.nodes.insert(
            revision,
            TreeNode {
                parent,
                deleted: has(DELETED),
                closed: has(CLOSED),
                dots,
            },
        );
    }
    let open = document.leaves();
    if open.len() != document.bodies.len() || open.iter().any(|(leaf, _)| !document.bodies.contains_key(*leaf)) {
        return Err(DecodeError::Malformed("tree"));
    }
    document.requests = requests::read(table, reader)?;
    Ok(document)
}

fn write_parent(parent: Option<&Revision>, place: usize, places: &BTreeMap<&Revision, usize>, writer: &mut Writer) {
    let Some(parent) = parent else {
        return writer.length(NO_PARENT);
    };
    match places
        .get(parent)
        .and_then(|before| place.checked_sub(*before))
        .filter(|distance| *distance > 0)
    {
        Some(distance) => writer.length(PARENT_BEFORE + distance),
        None => {
            writer.length(PARENT_IN_FULL);
            write_revision_id(parent, writer);
        }
    }
}

fn read_parent(before: &[Revision], reader: &mut Reader<'_>) -> Result<Option<Revision>, DecodeError> {
    match reader.small()? {
        NO_PARENT => Ok(None),
        PARENT_IN_FULL => read_revision_id(reader).map(Some),
        distance => {
            let place = before.len().checked_sub(distance - PARENT_BEFORE);
            let parent = place
                .and_then(|place| before.get(place))
                .ok_or(DecodeError::Malformed("parent"))?;
            Ok(Some(parent.clone()))
        }
    }
}

fn read_dots(table: &Table, reader: &mut Reader<'_>) -> Result<DotMap<()>, DecodeError> {
    let count = reader.length(2)?;
    let dots = (0..count).map(|_| table.read_dot(reader).map(|dot| (dot, ())));
    let dots = dots.collect::<Result<DotMap<()>, _>>()?;
    if dots.len() == count && count > 0 {
        Ok(dots)
    } else {
        Err(DecodeError::Malformed("dots"))
    }
}
