//! The requests that a document remembers: after everything else, and only if there are any.

use super::heads::{read_revision_id, write_revision_id};
use super::table::Table;
use super::{DecodeError, Reader, Writer};
use crate::Checksum;
use crate::requests::{Remembered, RequestName, Requests};

pub(super) fn write(requests: &Requests, table: &Table, writer: &mut Writer) {
    if requests.by_dot.is_empty() {
        return;
    }
    writer.length(requests.by_dot.len());
    for (dot, request) in requests.by_dot.iter() {
        table.write_dot(dot, writer);
        writer.bytes(&request.name.0);
        write_revision_id(&request.revision, writer);
        writer.fixed_u64(request.checksum.0);
        writer.byte(request.merged.into());
    }
}

pub(super) fn read(table: &Table, reader: &mut Reader<'_>) -> Result<Requests, DecodeError> {
    let mut requests = Requests::new();
    if reader.finish().is_ok() {
        return Ok(requests);
    }
    let count = reader.length(28)?;
    if count == 0 {
        return Err(DecodeError::Malformed("requests"));
    }
    for _ in 0..count {
        let dot = table.read_dot(reader)?;
        if requests.by_dot.newest().is_some_and(|(last, _)| last >= dot) {
            return Err(DecodeError::Malformed("requests"));
        }
        let remembered = Remembered {
            name: RequestName(reader.array()?),
            revision: read_revision_id(reader)?,
            checksum: Checksum(reader.fixed_u64()?),
            merged: match reader.byte()? {
                0 => false,
                1 => true,
                _ => return Err(DecodeError::Malformed("requests")),
            },
        };
        requests.by_dot.insert(dot, remembered);
    }
    // States that commits and joins make hold no more than that; others would lose it at the next join.
    requests.shorten(&table.context());
    Ok(requests)
}
