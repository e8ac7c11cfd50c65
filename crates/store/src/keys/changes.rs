//! `changes`: the log that readers and peers follow. One entry per document, at its last change; an update moves it to the end.
//!
//! | | |
//! |---|---|
//! | key | `number u32, sequence u64` |
//! | value | `version u8, kind u8`, then the document's id (kind 0), or `id length u16, id, state hash [8]` of a state in quarantine (kind 1), or `sequence u64` and the document's id (kind 2): it was written together with all entries up to that sequence |
//! | lifetime | until the document changes again |
//!
//! A key is set exactly once and removed once, with SingleDelete: a sequence number is never used twice. Scans start at the reader's
//! position; otherwise they would crawl over the remains of moved entries.

use rejoin_document::{DocumentId, Sequence};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::{Family, KeyRange};

const VERSION: u8 = 1;

/// What an entry of the log stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChangeEntry {
    /// The document changed; with the sequence of the last entry that was written together with it, if it was not written alone.
    Document(DocumentId, Option<Sequence>),
    /// A state arrived that cannot be applied here, and is forwarded as it is.
    Quarantined(DocumentId, [u8; 8]),
}

pub(crate) fn key(number: DatabaseNumber, sequence: Sequence) -> Vec<u8> {
    Writer::keyed(number).u64(sequence.0).finish()
}

/// The entries of a database above a position.
pub(crate) fn range_after(number: DatabaseNumber, since: Sequence) -> KeyRange {
    KeyRange::prefix_after(&number.prefix(), &key(number, since))
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(DatabaseNumber, Sequence), CorruptRecord> {
    let mut reader = Reader::key(Family::Changes, key);
    let parts = (reader.number()?, Sequence(reader.u64()?));
    reader.end()?;
    Ok(parts)
}

impl ChangeEntry {
    /// The last entry that was written together with this one.
    pub(crate) fn unit_end(&self) -> Option<Sequence> {
        match self {
            ChangeEntry::Document(_, end) => *end,
            ChangeEntry::Quarantined(..) => None,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let writer = Writer::versioned(VERSION);
        match self {
            ChangeEntry::Document(id, None) => writer.u8(0).raw(id.as_str().as_bytes()),
            ChangeEntry::Document(id, Some(end)) => writer.u8(2).u64(end.0).raw(id.as_str().as_bytes()),
            ChangeEntry::Quarantined(id, hash) => writer.u8(1).id(id).raw(hash),
        }
        .finish()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::value(Family::Changes, value, VERSION)?;
        match reader.u8()? {
            0 => Ok(ChangeEntry::Document(reader.last_id()?, None)),
            1 => {
                let entry = ChangeEntry::Quarantined(reader.id()?, reader.eight()?);
                reader.end()?;
                Ok(entry)
            }
            2 => {
                let end = Sequence(reader.u64()?);
                Ok(ChangeEntry::Document(reader.last_id()?, Some(end)))
            }
            kind => Err(reader.corrupt(format!("unknown kind {kind}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers};

    proptest! {
        #[test]
        fn keys_and_values_round_trip(number in numbers(), sequence: u64, id in ids(), hash: [u8; 8], end in prop::option::of(any::<u64>())) {
            prop_assert_eq!(decode_key(&key(number, Sequence(sequence))), Ok((number, Sequence(sequence))));
            for entry in [ChangeEntry::Document(id.clone(), end.map(Sequence)), ChangeEntry::Quarantined(id, hash)] {
                prop_assert_eq!(ChangeEntry::decode(&entry.encode()), Ok(entry));
            }
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_number_and_sequence(a in (numbers(), any::<u64>()), b in (numbers(), any::<u64>())) {
            prop_assert_eq!(key(a.0, Sequence(a.1)).cmp(&key(b.0, Sequence(b.1))), a.cmp(&b));
        }

        #[test]
        fn a_range_after_a_position_starts_right_above_it(number in numbers(), since in 0..u64::MAX, sequence: u64) {
            let (range, key) = (range_after(number, Sequence(since)), key(number, Sequence(sequence)));
            prop_assert_eq!(range.from <= key, sequence > since);
        }
    }
}
