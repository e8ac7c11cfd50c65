//! `databases`: what this node keeps of a database beside its documents. The definition itself is a document of the system database.
//!
//! | | |
//! |---|---|
//! | key | name |
//! | value | `version u8` (2; 1 has no bytes), `number u32, granularity u8, sequence u64, documents u64, conflicts u64, quarantined u64, bytes u64, knowledge length u32, knowledge, marks u8`, then what the marks say: 2: the documents of a deleted database are being dropped, and the id that was reached (`id length u32, id`); 1: conflicts are counted again, and the id that was reached (`id`) |
//! | lifetime | from the definition on; written with every change of the database |

use rejoin_document::{DatabaseName, Granularity, Sequence, VersionVector};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 2;

/// What an earlier version wrote, which did not count bytes.
const WITHOUT_BYTES: u8 = 1;

/// The counters of a database and what it has incorporated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DatabaseRecord {
    pub number: DatabaseNumber,
    /// Fixed when the database is first defined here: states of another one cannot be joined.
    pub granularity: Granularity,
    /// The newest sequence number that was given out.
    pub sequence: Sequence,
    /// Documents that are not deleted.
    pub documents: u64,
    /// Documents with open conflicts.
    pub conflicts: u64,
    /// States in quarantine.
    pub quarantined: u64,
    /// Bytes of the documents as they are stored, deleted ones included; `None` where an earlier version wrote last, until they are counted.
    pub bytes: Option<u64>,
    /// Every write up to these times is incorporated.
    pub knowledge: VersionVector,
    /// Conflicts are being counted again under new rules; the last id that was (empty: none yet).
    pub recount: Option<String>,
    /// The documents of a deleted database are being dropped; the last id that was looked at (empty: none yet).
    pub purge: Option<String>,
}

const RECOUNT: u8 = 1;
const PURGE: u8 = 2;

impl DatabaseRecord {
    pub(crate) fn new(number: DatabaseNumber, granularity: Granularity) -> Self {
        Self {
            number,
            granularity,
            sequence: Sequence(0),
            documents: 0,
            conflicts: 0,
            quarantined: 0,
            bytes: Some(0),
            knowledge: VersionVector::default(),
            recount: None,
            purge: None,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let granularity = match self.granularity {
            Granularity::Field => 0,
            Granularity::Document => 1,
        };
        let version = if self.bytes.is_some() { VERSION } else { WITHOUT_BYTES };
        let writer = Writer::versioned(version)
            .u32(self.number.0)
            .u8(granularity)
            .u64(self.sequence.0);
        let writer = writer.u64(self.documents).u64(self.conflicts).u64(self.quarantined);
        let writer = match self.bytes {
            Some(bytes) => writer.u64(bytes),
            None => writer,
        };
        let writer = writer.block(&self.knowledge.encode());
        let marks = [(self.recount.is_some(), RECOUNT), (self.purge.is_some(), PURGE)];
        let marks = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| mark).sum();
        let mut writer = writer.u8(marks);
        if let Some(reached) = &self.purge {
            writer = writer.block(reached.as_bytes());
        }
        writer
            .raw(self.recount.as_deref().unwrap_or_default().as_bytes())
            .finish()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, CorruptRecord> {
        let counted = value.first() != Some(&WITHOUT_BYTES);
        let version = if counted { VERSION } else { WITHOUT_BYTES };
        let mut reader = Reader::value(Family::Databases, value, version)?;
        let number = reader.number()?;
        let granularity = match reader.u8()? {
            0 => Granularity::Field,
            1 => Granularity::Document,
            other => return Err(reader.corrupt(format!("unknown granularity {other}"))),
        };
        let (sequence, documents, conflicts, quarantined) =
            (Sequence(reader.u64()?), reader.u64()?, reader.u64()?, reader.u64()?);
        let bytes = if counted { Some(reader.u64()?) } else { None };
        let knowledge = VersionVector::decode(reader.block()?).map_err(|error| reader.corrupt(error.to_string()))?;
        let marks = reader.u8()?;
        if marks > RECOUNT | PURGE {
            return Err(reader.corrupt(format!("unknown marks {marks}")));
        }
        let mut purge = None;
        if marks & PURGE != 0 {
            let reached = reader.block()?.to_vec();
            purge = Some(String::from_utf8(reached).map_err(|_| reader.corrupt("an id that is no text"))?);
        }
        let recount = if marks & RECOUNT != 0 {
            Some(reader.text()?.to_owned())
        } else {
            None
        };
        reader.end()?;
        Ok(Self {
            number,
            granularity,
            sequence,
            documents,
            conflicts,
            quarantined,
            bytes,
            knowledge,
            recount,
            purge,
        })
    }
}

pub(crate) fn key(name: &DatabaseName) -> Vec<u8> {
    name.as_str().as_bytes().to_vec()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<DatabaseName, CorruptRecord> {
    let mut reader = Reader::key(Family::Databases, key);
    let text = reader.text()?;
    DatabaseName::internal(text).map_err(|error| reader.corrupt(format!("it names no database: {error}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{numbers, vectors};

    fn names() -> impl Strategy<Value = DatabaseName> {
        prop_oneof![
            Just(DatabaseName::system()),
            "[a-z][a-z0-9_$()+/-]{0,12}(@[2-9])?".prop_map(|text| DatabaseName::internal(&text).unwrap())
        ]
    }

    proptest! {
        #[test]
        fn keys_and_values_round_trip(
            name in names(), number in numbers(), whole: bool, figures: [u64; 4], knowledge in vectors(), recount in prop::option::of("[a-z]{0,5}"),
            purge in prop::option::of("[a-z]{0,5}"), bytes: Option<u64>,
        ) {
            prop_assert_eq!(decode_key(&key(&name)), Ok(name));
            let [sequence, documents, conflicts, quarantined] = figures;
            let granularity = if whole { Granularity::Document } else { Granularity::Field };
            let record = DatabaseRecord { number, granularity, sequence: Sequence(sequence), documents, conflicts, quarantined, bytes, knowledge, recount, purge };
            prop_assert_eq!(DatabaseRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_names(a in names(), b in names()) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.as_str().cmp(b.as_str()));
        }
    }
}
