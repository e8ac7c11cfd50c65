//! A document in granularity `field`.

use super::decode_fields::Template;
use super::dot_runs::{Numbered, SlotDots};
use super::encode_fields::compare;
use super::paths::{read_exceptions, write_exceptions};
use super::shape::{read_shapes, write_shapes};
use super::table::Table;
use super::{DecodeError, Reader, Writer, heads, requests};
use crate::fields::Node;
use crate::head::Head;
use crate::requests::Requests;
use crate::{Dot, FieldDocument, Revision};

/// Some leaves of the body are sets or counters.
const SHAPES: u8 = 1;
/// Other writes than the highest live head made some of the fields.
const DOTS: u8 = 1 << 1;
/// Some paths have other siblings than the body tells.
const EXCEPTIONS: u8 = 1 << 2;

pub(super) fn write(document: &FieldDocument, table: &Table, writer: &mut Writer) {
    heads::write(&document.heads, &document.context, table, writer);
    let none = Revision::none();
    let (default, head) = document.highest_live().unzip();
    let revision = head.map_or(&none, |head: &Head| &head.revision);
    let remainder = compare(head.map(|head| &*head.body), &document.fields, default, revision);
    let dots = Numbered::of(default, &remainder);
    let others = dots.len() > usize::from(default.is_some());
    let flags = [
        (!remainder.shapes.is_empty(), SHAPES),
        (others, DOTS),
        (!remainder.exceptions.is_empty(), EXCEPTIONS),
    ];
    writer.byte(
        flags
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |bits, (_, bit)| bits | bit),
    );
    if !remainder.shapes.is_empty() {
        write_shapes(&remainder.shapes, writer);
    }
    if others {
        dots.write(default, table, writer);
        let by_default = remainder.dots.iter().all(|dot| Some(*dot) == default);
        dots.write_runs(if by_default { &[] } else { &remainder.dots }, writer);
    }
    if !remainder.exceptions.is_empty() {
        write_exceptions(&remainder.exceptions, table, &dots, writer);
    }
    requests::write(&document.requests, table, writer);
}

pub(super) fn read(table: &Table, reader: &mut Reader<'_>) -> Result<FieldDocument, DecodeError> {
    let heads = heads::read(table, reader)?;
    let mut document = FieldDocument {
        context: table.context(),
        heads,
        fields: Node::new(),
        requests: Requests::new(),
    };
    let flags = reader.byte()?;
    let shapes = if flags & SHAPES == 0 {
        Vec::new()
    } else {
        read_shapes(reader)?
    };
    let (default, head): (Option<Dot>, Option<&Head>) = document.highest_live().unzip();
    let (dots, slots) = if flags & DOTS == 0 {
        (default.into_iter().collect(), SlotDots::default_everywhere(default))
    } else {
        let dots = Numbered::read(default, table, reader)?;
        let slots = SlotDots::read(default, &dots, reader)?;
        (dots, slots)
    };
    let none = Revision::none();
    let template = Template::new(shapes, slots, head.map_or(&none, |head| &head.revision));
    let mut fields = template.build(head.map(|head| &*head.body))?;
    if flags & EXCEPTIONS != 0 {
        read_exceptions(&mut fields, table, &dots, reader)?;
    }
    fields.retain(&|_, _| true);
    document.fields = fields;
    document.requests = requests::read(table, reader)?;
    Ok(document)
}
