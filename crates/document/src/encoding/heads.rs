//! Heads: dot, revision, past, ancestry, body and closed branches of each open branch.

use std::sync::Arc;

use super::table::Table;
use super::{DecodeError, Reader, Writer};
use crate::closed::{CLOSED_ANCESTORS_MAX, CLOSED_MAX, Closed};
use crate::dot_map::DotMap;
use crate::head::Head;
use crate::value::parse_stored_object;
use crate::{Ancestry, Dot, HlcTime, Object, REVISIONS_MAX, Revision, RevisionHash, VersionVector, write_revision};

/// Replicas that the pasts of all heads may name together: as many as 1024 heads that have each seen 1024 replicas. A past takes a few bytes if it
/// follows from the context, whatever the context's length, so the length of the input is no bound.
const PASTS_MAX: usize = 1 << 20;

/// The head deletes the document, so it has no body.
const DELETED: u8 = 1;
/// The revision follows from parent and body; only its generation is written.
const COMPUTED: u8 = 1 << 1;
/// The revision's hash is a text.
const TEXT: u8 = 1 << 2;
/// The past is empty.
const NO_PAST: u8 = 1 << 3;
/// The past is the context but for the head's own replica, whose time follows.
const PAST_IS_CONTEXT: u8 = 1 << 4;
/// There are ancestors.
const ANCESTORS: u8 = 1 << 5;
/// The ancestors' generations do not descend one by one, or some hash is a text.
const IRREGULAR: u8 = 1 << 6;
/// Branches were closed: they end the head.
const CLOSED: u8 = 1 << 7;

pub(super) fn write(heads: &DotMap<Head>, context: &VersionVector, table: &Table, writer: &mut Writer) {
    writer.length(heads.len());
    heads
        .iter()
        .for_each(|(dot, head)| write_head(dot, head, context, table, writer));
}

pub(super) fn read(table: &Table, reader: &mut Reader<'_>) -> Result<DotMap<Head>, DecodeError> {
    let count = reader.length(4)?;
    let context = table.context();
    let mut heads = DotMap::new();
    let mut pasts = 0;
    for _ in 0..count {
        let (dot, head) = read_head(&context, table, reader)?;
        if heads.newest().is_some_and(|(last, _)| last >= dot) {
            return Err(DecodeError::Malformed("heads"));
        }
        pasts += head.past.len();
        if pasts > PASTS_MAX {
            return Err(DecodeError::Malformed("past"));
        }
        heads.insert(dot, head);
    }
    Ok(heads)
}

fn write_head(dot: Dot, head: &Head, context: &VersionVector, table: &Table, writer: &mut Writer) {
    let own = head.past.get(dot.replica);
    let follows = past_below(context, dot, own) == head.past;
    let regular = is_regular(&head.revision, &head.ancestry);
    let computed = write_revision(head.ancestry.parent(), head.deleted, &head.body, &[]) == head.revision;
    let flags = [
        (head.deleted, DELETED),
        (computed, COMPUTED),
        (!computed && matches!(head.revision.hash, RevisionHash::Text(_)), TEXT),
        (head.past.is_empty(), NO_PAST),
        (!head.past.is_empty() && follows, PAST_IS_CONTEXT),
        (head.ancestry.parent().is_some(), ANCESTORS),
        (!regular, IRREGULAR),
        (!head.closed.is_empty(), CLOSED),
    ];
    writer.byte(
        flags
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |bits, (_, bit)| bits | bit),
    );
    table.write_dot(dot, writer);
    writer.varint(head.revision.generation);
    if !computed {
        write_hash(&head.revision.hash, writer);
    }
    if !head.past.is_empty() && follows {
        // Zero: none of its own; else how much earlier, plus one.
        writer.varint_u128(if own == HlcTime::ZERO {
            0
        } else {
            u128::from(dot.time.0.wrapping_sub(own.0)) + 1
        });
    } else if !head.past.is_empty() {
        table.write_vector(&head.past, writer);
    }
    write_ancestry(&head.ancestry, regular, writer);
    if !head.deleted {
        writer.text(&head.body.to_json());
    }
    write_closed(&head.closed, writer);
}

fn read_head(context: &VersionVector, table: &Table, reader: &mut Reader<'_>) -> Result<(Dot, Head), DecodeError> {
    let flags = reader.byte()?;
    let has = |bit| flags & bit != 0;
    let dot = table.read_dot(reader)?;
    let generation = reader.varint()?;
    let hash = if has(COMPUTED) {
        None
    } else {
        Some(read_hash(has(TEXT), reader)?)
    };
    let past = if has(NO_PAST) {
        VersionVector::new()
    } else if has(PAST_IS_CONTEXT) {
        past_below(context, dot, read_own_past(dot, reader)?)
    } else {
        table.read_vector(reader)?
    };
    let ancestry = if has(ANCESTORS) {
        read_ancestry(generation, has(IRREGULAR), reader)?
    } else {
        Ancestry::none()
    };
    let deleted = has(DELETED);
    let body = if deleted { Object::new() } else { read_body(reader)? };
    let revision = match hash {
        Some(hash) => Revision { generation, hash },
        None => write_revision(ancestry.parent(), deleted, &body, &[]),
    };
    if revision.generation != generation || generation == 0 {
        return Err(DecodeError::Malformed("revision"));
    }
    let closed = if has(CLOSED) {
        read_closed(reader)?
    } else {
        Arc::default()
    };
    Ok((
        dot,
        Head {
            revision,
            deleted,
            past,
            ancestry,
            body: Arc::new(body),
            closed,
        },
    ))
}

/// What the author had seen if it was all but its own latest write.
fn past_below(context: &VersionVector, dot: Dot, own: HlcTime) -> VersionVector {
    let others = context.iter().filter(|(replica, _)| *replica != dot.replica);
    others.chain([(dot.replica, own)]).collect()
}

fn read_own_past(dot: Dot, reader: &mut Reader<'_>) -> Result<HlcTime, DecodeError> {
    let Some(earlier) = reader.varint_u128()?.checked_sub(1) else {
        return Ok(HlcTime::ZERO);
    };
    let earlier = u64::try_from(earlier).map_err(|_| DecodeError::Malformed("past"))?;
    Ok(HlcTime(dot.time.0.wrapping_sub(earlier)))
}

pub(super) fn read_body(reader: &mut Reader<'_>) -> Result<Object, DecodeError> {
    parse_stored_object(reader.sized()?).map_err(|_| DecodeError::Malformed("body"))
}

pub(super) fn write_hash(hash: &RevisionHash, writer: &mut Writer) {
    match hash {
        RevisionHash::Md5(digest) => writer.bytes(digest),
        RevisionHash::Text(text) => writer.text(text),
    }
}

pub(super) fn read_hash(text: bool, reader: &mut Reader<'_>) -> Result<RevisionHash, DecodeError> {
    if !text {
        return reader.array().map(RevisionHash::Md5);
    }
    match RevisionHash::from_text(reader.text()?) {
        hash @ RevisionHash::Text(_) => Ok(hash),
        RevisionHash::Md5(_) => Err(DecodeError::Malformed("revision")),
    }
}

/// A revision in full.
pub(super) fn write_revision_id(revision: &Revision, writer: &mut Writer) {
    let text = matches!(revision.hash, RevisionHash::Text(_));
    writer.byte(text.into());
    writer.varint(revision.generation);
    write_hash(&revision.hash, writer);
}

pub(super) fn read_revision_id(reader: &mut Reader<'_>) -> Result<Revision, DecodeError> {
    let text = reader.byte()? != 0;
    let generation = reader.varint()?;
    Ok(Revision {
        generation,
        hash: read_hash(text, reader)?,
    })
}

fn is_regular(revision: &Revision, ancestry: &Ancestry) -> bool {
    let expected = (0..revision.generation).rev();
    let descends = ancestry.iter().zip(expected).filter(|(ancestor, generation)| {
        ancestor.generation == *generation && matches!(ancestor.hash, RevisionHash::Md5(_))
    });
    descends.count() == ancestry.iter().len()
}

fn write_ancestry(ancestry: &Ancestry, regular: bool, writer: &mut Writer) {
    if ancestry.parent().is_none() {
        return;
    }
    writer.length(ancestry.iter().len());
    for ancestor in ancestry.iter() {
        if regular {
            write_hash(&ancestor.hash, writer);
        } else {
            write_revision_id(ancestor, writer);
        }
    }
}

fn read_ancestry(generation: u64, irregular: bool, reader: &mut Reader<'_>) -> Result<Ancestry, DecodeError> {
    let count = reader.length(if irregular { 3 } else { 16 })?;
    if count >= REVISIONS_MAX {
        return Err(DecodeError::Malformed("ancestry"));
    }
    let mut revisions = Vec::with_capacity(count);
    for place in 1..=count as u64 {
        revisions.push(if irregular {
            read_revision_id(reader)?
        } else {
            let generation = generation
                .checked_sub(place)
                .ok_or(DecodeError::Malformed("ancestry"))?;
            Revision {
                generation,
                hash: read_hash(false, reader)?,
            }
        });
    }
    Ok(revisions.into_iter().collect())
}

/// Branches that were closed, if there are any: their number, and for each whether it is a deletion, how many revisions it names, and those, its own
/// first.
fn write_closed(closed: &[Closed], writer: &mut Writer) {
    if closed.is_empty() {
        return;
    }
    writer.length(closed.len());
    for branch in closed {
        writer.byte(branch.deleted.into());
        writer.length(1 + branch.ancestors.len());
        write_revision_id(&branch.revision, writer);
        branch
            .ancestors
            .iter()
            .for_each(|ancestor| write_revision_id(ancestor, writer));
    }
}

fn read_closed(reader: &mut Reader<'_>) -> Result<Arc<[Closed]>, DecodeError> {
    let malformed = || DecodeError::Malformed("closed");
    let count = reader.small()?;
    if count == 0 || count > CLOSED_MAX {
        return Err(malformed());
    }
    let mut branches: Vec<Closed> = Vec::with_capacity(count);
    for _ in 0..count {
        let deleted = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(malformed()),
        };
        let named = reader.small()?;
        if named == 0 || named > 1 + CLOSED_ANCESTORS_MAX {
            return Err(malformed());
        }
        let revision = read_revision_id(reader)?;
        let ancestors = (1..named).map(|_| read_revision_id(reader));
        let ancestors = ancestors.collect::<Result<_, _>>()?;
        // The highest first, each once.
        if branches.last().is_some_and(|last| last.revision <= revision) || revision.generation == 0 {
            return Err(malformed());
        }
        branches.push(Closed {
            revision,
            deleted,
            ancestors,
        });
    }
    Ok(branches.into())
}
