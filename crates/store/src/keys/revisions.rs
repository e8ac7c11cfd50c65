//! `revisions`: what a document showed before, so that a write that names an old revision finds what its client had read.
//!
//! | | |
//! |---|---|
//! | key of a record | `number u32, 0u8, id length u16, id, generation u64, hash text` |
//! | its value | `version u8, superseded u64, deleted u8, context length u32, context, body JSON` |
//! | key of its place in time | `number u32, 1u8, superseded u64`, then the record's key after its tag |
//! | its value | empty |
//! | lifetime | `keep_for` from `superseded` (HLC time), but never longer than the marks of removal of the document; pruning walks the places in time, oldest first |

use std::sync::Arc;

use rejoin_document::{Base, DocumentId, HlcTime, Limits, Revision, VersionVector, parse_body};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::{Family, KeyRange};

const VERSION: u8 = 1;
const RECORD: u8 = 0;
const PLACE: u8 = 1;

/// Which revision of which document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevisionKey {
    pub number: DatabaseNumber,
    pub id: DocumentId,
    pub revision: Revision,
}

/// What the records of all revisions of a document start with.
pub(crate) fn records_of(number: DatabaseNumber, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).u8(RECORD).id(id).finish()
}

impl RevisionKey {
    /// The key of the record.
    pub(crate) fn record(&self) -> Vec<u8> {
        self.parts(Writer::keyed(self.number).u8(RECORD))
    }

    /// The key of its place in time.
    pub(crate) fn place(&self, superseded: HlcTime) -> Vec<u8> {
        self.parts(Writer::keyed(self.number).u8(PLACE).u64(superseded.0))
    }

    fn parts(&self, writer: Writer) -> Vec<u8> {
        let text = self.revision.to_string();
        let hash = text.split_once('-').map_or("", |(_, hash)| hash);
        writer
            .id(&self.id)
            .u64(self.revision.generation)
            .raw(hash.as_bytes())
            .finish()
    }

    /// Which revision a record is of.
    pub(crate) fn decode_record(key: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::key(Family::Revisions, key);
        let (number, tag) = (reader.number()?, reader.u8()?);
        if tag == RECORD {
            Self::decode_parts(number, reader)
        } else {
            Err(reader.corrupt("not a record"))
        }
    }

    /// When the record was superseded, and which one it is.
    pub(crate) fn decode_place(key: &[u8]) -> Result<(HlcTime, Self), CorruptRecord> {
        let mut reader = Reader::key(Family::Revisions, key);
        let (number, tag, superseded) = (reader.number()?, reader.u8()?, reader.u64()?);
        if tag != PLACE {
            return Err(reader.corrupt("not a place in time"));
        }
        Ok((HlcTime(superseded), Self::decode_parts(number, reader)?))
    }

    fn decode_parts(number: DatabaseNumber, mut reader: Reader<'_>) -> Result<Self, CorruptRecord> {
        let (id, generation) = (reader.id()?, reader.u64()?);
        let text = format!("{generation}-{}", reader.text()?);
        let revision = text
            .parse()
            .map_err(|error| reader.corrupt(format!("it names no revision: {error}")))?;
        Ok(Self { number, id, revision })
    }
}

/// The places in time of a database up to `until` (exclusive), oldest first.
pub(crate) fn places_before(number: DatabaseNumber, until: HlcTime) -> KeyRange {
    let from = Writer::keyed(number).u8(PLACE).finish();
    let to = Writer::keyed(number).u8(PLACE).u64(until.0).finish();
    KeyRange { from, to: Some(to) }
}

/// A superseded revision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RevisionRecord {
    /// When something else was shown.
    pub superseded: HlcTime,
    /// What a reader had seen.
    pub base: Base,
}

impl RevisionRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let writer = Writer::versioned(VERSION)
            .u64(self.superseded.0)
            .u8(u8::from(self.base.body.is_none()));
        let writer = writer.block(&self.base.context.encode());
        match &self.base.body {
            Some(body) => writer.raw(body.to_json().as_bytes()),
            None => writer,
        }
        .finish()
    }

    /// The time alone.
    pub(crate) fn decode_superseded(value: &[u8]) -> Result<HlcTime, CorruptRecord> {
        Ok(HlcTime(Reader::value(Family::Revisions, value, VERSION)?.u64()?))
    }

    pub(crate) fn decode(revision: Revision, value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::value(Family::Revisions, value, VERSION)?;
        let (superseded, deleted) = (HlcTime(reader.u64()?), reader.u8()? != 0);
        let context = VersionVector::decode(reader.block()?).map_err(|error| reader.corrupt(error.to_string()))?;
        let body = if deleted { None } else { Some(read_body(&mut reader)?) };
        Ok(Self {
            superseded,
            base: Base {
                revision: Some(revision),
                context,
                body,
            },
        })
    }
}

/// What was stored was accepted once, perhaps under wider bounds: none apply here.
fn read_body(reader: &mut Reader<'_>) -> Result<Arc<rejoin_document::Object>, CorruptRecord> {
    let limits = Limits {
        body_bytes_max: usize::MAX,
        depth_max: usize::MAX,
        leaves_max: usize::MAX,
    };
    let body = parse_body(reader.rest(), &limits).map_err(|error| reader.corrupt(error.to_string()))?;
    Ok(Arc::new(body))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers, vectors};

    fn keys() -> impl Strategy<Value = RevisionKey> {
        (numbers(), ids(), 1u64..20, "[0-9a-f]{32}|[1-9]{3}").prop_map(|(number, id, generation, hash)| RevisionKey {
            number,
            id,
            revision: format!("{generation}-{hash}").parse().unwrap(),
        })
    }

    proptest! {
        #[test]
        fn keys_round_trip(key in keys(), superseded: u64) {
            prop_assert_eq!(RevisionKey::decode_record(&key.record()), Ok(key.clone()));
            prop_assert_eq!(RevisionKey::decode_place(&key.place(HlcTime(superseded))), Ok((HlcTime(superseded), key)));
        }

        #[test]
        fn values_round_trip(superseded: u64, context in vectors(), deleted: bool) {
            let revision: Revision = "1-123".parse().unwrap();
            let body = parse_body(br#"{"z":1.0,"a":[{"b":null}]}"#, &Limits::default()).unwrap();
            let base = Base { revision: Some(revision.clone()), context, body: (!deleted).then(|| Arc::new(body)) };
            let record = RevisionRecord { superseded: HlcTime(superseded), base };
            prop_assert_eq!(RevisionRecord::decode_superseded(&record.encode()), Ok(HlcTime(superseded)));
            prop_assert_eq!(RevisionRecord::decode(revision, &record.encode()), Ok(record));
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
    }
}
