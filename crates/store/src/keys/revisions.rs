//! `revisions`: what a document showed before, for writes that name an old revision, and for people who want something back.
//!
//! Each time that a document shows something else, or that something beside the shown values is taken away, three entries are written. They
//! carry the sequence at which that happened, counted down, so that of one document, and of one revision, the newest comes first.
//!
//! | | |
//! |---|---|
//! | key of a record | `number u32, 0u8, id length u16, id, generation u64, hash length u32, hash text, !sequence u64` |
//! | its value | as [`RevisionRecord`] encodes itself |
//! | key of its place in time | `number u32, 1u8, superseded u64, id length u16, id, !sequence u64` |
//! | its value | `version u8, revision text` |
//! | key of its entry in the history | `number u32, 2u8, id length u16, id, !sequence u64` |
//! | its value | `version u8, superseded u64, deleted u8, dot time u64, dot replica [8], by u8, then if that is 1 time u64, replica [8]; revision text` |
//! | lifetime | `keep_for` from `superseded` (HLC time), and no more than `keep_revisions` of a document; pruning walks the places in time, oldest first, trimming the histories of documents |

use rejoin_document::{DocumentId, Dot, HlcTime, ReplicaId, Revision, Sequence};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::{Family, KeyRange};

const VERSION: u8 = 1;
const ENTRY_VERSION: u8 = 2;
const RECORD: u8 = 0;
const PLACE: u8 = 1;
const ENTRY: u8 = 2;

/// Which revision of which document, and when it was superseded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevisionKey {
    pub number: DatabaseNumber,
    pub id: DocumentId,
    pub revision: Revision,
    /// Where the document stood in the log afterwards.
    pub sequence: Sequence,
}

/// What a history tells of a revision without reading its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevisionEntry {
    pub key: RevisionKey,
    /// When something else was shown.
    pub superseded: HlcTime,
    /// Whether it had deleted the document.
    pub deleted: bool,
    /// Its newest write.
    pub dot: Dot,
    /// The write of this node that superseded it; none if states of other nodes did.
    pub by: Option<Dot>,
}

/// What the records of all revisions of a document start with.
pub(crate) fn records_of_document(number: DatabaseNumber, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).u8(RECORD).id(id).finish()
}

/// What the records of one revision start with, newest first.
pub(crate) fn records_of(number: DatabaseNumber, id: &DocumentId, revision: &Revision) -> Vec<u8> {
    let text = revision.to_string();
    let hash = text.split_once('-').map_or("", |(_, hash)| hash);
    let writer = Writer::keyed(number).u8(RECORD).id(id).u64(revision.generation);
    writer.block(hash.as_bytes()).finish()
}

/// The sequence in a record's key.
pub(crate) fn decode_record_sequence(key: &[u8]) -> Result<Sequence, CorruptRecord> {
    let start = key.len().saturating_sub(8);
    let mut reader = Reader::key(Family::Revisions, &key[start..]);
    Ok(Sequence(!reader.u64()?))
}

/// The history of a document, newest first.
pub(crate) fn history(number: DatabaseNumber, id: &DocumentId) -> KeyRange {
    KeyRange::prefix(&history_prefix(number, id))
}

/// The history of a document from before it stood at a sequence, newest first.
pub(crate) fn history_below(number: DatabaseNumber, id: &DocumentId, below: Sequence) -> KeyRange {
    let prefix = history_prefix(number, id);
    let after = [prefix.as_slice(), &(!below.0).to_be_bytes()].concat();
    KeyRange::prefix_after(&prefix, &after)
}

fn history_prefix(number: DatabaseNumber, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).u8(ENTRY).id(id).finish()
}

/// The places in time of a database up to `until` (exclusive), oldest first.
pub(crate) fn places_before(number: DatabaseNumber, until: HlcTime) -> KeyRange {
    KeyRange {
        from: place_from(number, HlcTime::ZERO),
        to: Some(place_from(number, until)),
    }
}

/// The places in time of a database, oldest first.
pub(crate) fn places(number: DatabaseNumber) -> KeyRange {
    KeyRange::prefix(&Writer::keyed(number).u8(PLACE).finish())
}

/// The least key of a place at a time.
pub(crate) fn place_from(number: DatabaseNumber, time: HlcTime) -> Vec<u8> {
    Writer::keyed(number).u8(PLACE).u64(time.0).finish()
}

/// When the revision was superseded, and which one it is.
pub(crate) fn decode_place(key: &[u8], value: &[u8]) -> Result<(HlcTime, RevisionKey), CorruptRecord> {
    let mut reader = Reader::key(Family::Revisions, key);
    let (number, tag, superseded) = (reader.number()?, reader.u8()?, reader.u64()?);
    let (id, sequence) = (reader.id()?, Sequence(!reader.u64()?));
    if tag != PLACE {
        return Err(reader.corrupt("not a place in time"));
    }
    let revision = read_revision(&mut Reader::value(Family::Revisions, value, VERSION)?)?;
    let key = RevisionKey {
        number,
        id,
        revision,
        sequence,
    };
    Ok((HlcTime(superseded), key))
}

pub(crate) fn read_revision(reader: &mut Reader<'_>) -> Result<Revision, CorruptRecord> {
    let text = reader.text()?;
    text.parse()
        .map_err(|error| reader.corrupt(format!("it names no revision: {error}")))
}

impl RevisionKey {
    /// The key of the record.
    pub(crate) fn record(&self) -> Vec<u8> {
        let mut key = records_of(self.number, &self.id, &self.revision);
        key.extend((!self.sequence.0).to_be_bytes());
        key
    }

    /// The key of its place in time.
    pub(crate) fn place(&self, superseded: HlcTime) -> Vec<u8> {
        let writer = Writer::keyed(self.number).u8(PLACE).u64(superseded.0).id(&self.id);
        writer.u64(!self.sequence.0).finish()
    }

    /// What its place in time holds.
    pub(crate) fn encode_place(&self) -> Vec<u8> {
        Writer::versioned(VERSION)
            .raw(self.revision.to_string().as_bytes())
            .finish()
    }

    /// The key of its entry in the history.
    pub(crate) fn entry(&self) -> Vec<u8> {
        let mut key = history_prefix(self.number, &self.id);
        key.extend((!self.sequence.0).to_be_bytes());
        key
    }
}

impl RevisionEntry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let writer = Writer::versioned(ENTRY_VERSION)
            .u64(self.superseded.0)
            .u8(u8::from(self.deleted))
            .u64(self.dot.time.0)
            .raw(self.dot.replica.as_bytes())
            .u8(u8::from(self.by.is_some()));
        let writer = match self.by {
            Some(by) => writer.u64(by.time.0).raw(by.replica.as_bytes()),
            None => writer,
        };
        writer.raw(self.key.revision.to_string().as_bytes()).finish()
    }

    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::key(Family::Revisions, key);
        let (number, tag) = (reader.number()?, reader.u8()?);
        let (id, sequence) = (reader.id()?, Sequence(!reader.u64()?));
        if tag != ENTRY {
            return Err(reader.corrupt("not an entry of a history"));
        }
        let mut reader = Reader::value(Family::Revisions, value, ENTRY_VERSION)?;
        let (superseded, deleted) = (HlcTime(reader.u64()?), reader.u8()? != 0);
        let dot = read_dot(&mut reader)?;
        let by = (reader.u8()? != 0).then(|| read_dot(&mut reader)).transpose()?;
        let revision = read_revision(&mut reader)?;
        let key = RevisionKey {
            number,
            id,
            revision,
            sequence,
        };
        Ok(Self {
            key,
            superseded,
            deleted,
            dot,
            by,
        })
    }
}

fn read_dot(reader: &mut Reader<'_>) -> Result<Dot, CorruptRecord> {
    Ok(Dot::new(HlcTime(reader.u64()?), ReplicaId(reader.eight()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers};

    fn keys() -> impl Strategy<Value = RevisionKey> {
        (numbers(), ids(), 1u64..20, "[0-9a-f]{32}|[1-9]{3}", any::<u64>()).prop_map(
            |(number, id, generation, hash, sequence)| RevisionKey {
                number,
                id,
                revision: format!("{generation}-{hash}").parse().unwrap(),
                sequence: Sequence(sequence),
            },
        )
    }

    proptest! {
        #[test]
        fn keys_and_values_round_trip(key in keys(), superseded: u64, deleted: bool, time: u64, replica: [u8; 8], by: Option<u64>) {
            let place = (key.place(HlcTime(superseded)), key.encode_place());
            prop_assert_eq!(decode_place(&place.0, &place.1), Ok((HlcTime(superseded), key.clone())));
            prop_assert_eq!(decode_record_sequence(&key.record()), Ok(key.sequence));
            let dot = Dot::new(HlcTime(time), ReplicaId(replica));
            let entry = RevisionEntry { key: key.clone(), superseded: HlcTime(superseded), deleted, dot, by: by.map(|time| Dot::new(HlcTime(time), ReplicaId(replica))) };
            prop_assert_eq!(RevisionEntry::decode(&key.entry(), &entry.encode()), Ok(entry));
        }

        #[test]
        fn the_order_of_places_is_the_order_of_time(a in (numbers(), any::<u64>(), keys()), b in (numbers(), any::<u64>(), keys())) {
            let place = |x: &(DatabaseNumber, u64, RevisionKey)| RevisionKey { number: x.0, ..x.2.clone() }.place(HlcTime(x.1));
            if (a.0, a.1) != (b.0, b.1) {
                prop_assert_eq!(place(&a).cmp(&place(&b)), (a.0, a.1).cmp(&(b.0, b.1)));
            }
            let range = places_before(a.0, HlcTime(b.1));
            prop_assert_eq!(range.from <= place(&a) && place(&a) < range.to.unwrap(), a.1 < b.1);
        }

        #[test]
        fn a_history_holds_one_document_and_begins_with_the_newest(a in keys(), b in keys(), below: u64) {
            let key = |key: &RevisionKey| if key.number == a.number && key.id == a.id { Some(key.sequence) } else { None };
            let range = history_below(a.number, &a.id, Sequence(below));
            let held = range.from <= b.entry() && range.to.is_none_or(|to| b.entry() < to);
            prop_assert_eq!(held, key(&b).is_some_and(|sequence| sequence.0 < below));
            let other = RevisionKey { sequence: b.sequence, ..a.clone() };
            prop_assert_eq!(a.entry().cmp(&other.entry()), b.sequence.cmp(&a.sequence));
            prop_assert_eq!(a.record().cmp(&other.record()), b.sequence.cmp(&a.sequence));
        }

        #[test]
        fn the_records_of_a_revision_are_no_others(a in keys(), b in keys()) {
            let same = (a.number, &a.id, &a.revision) == (b.number, &b.id, &b.revision);
            prop_assert_eq!(b.record().starts_with(&records_of(a.number, &a.id, &a.revision)), same);
        }
    }
}
