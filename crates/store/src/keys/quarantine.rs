//! `quarantine`: states that cannot be applied here, kept as they came and forwarded through their change entries.
//!
//! | | |
//! |---|---|
//! | key | `number u32, id length u16, id, state hash [8]` |
//! | value | `version u8, sequence u64, reason length u32, reason, state` |
//! | lifetime | until it can be joined, or the document contains it; or until the document has more of them than the bound; then the oldest goes, which a newer one from the same peer contains |

use rejoin_document::{DocumentId, Sequence};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

/// The key of a state of a document, by the hash of its bytes.
pub(crate) fn key(number: DatabaseNumber, id: &DocumentId, hash: [u8; 8]) -> Vec<u8> {
    Writer::keyed(number).id(id).raw(&hash).finish()
}

/// What all states of one document start with.
pub(crate) fn prefix(number: DatabaseNumber, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).id(id).finish()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(DatabaseNumber, DocumentId, [u8; 8]), CorruptRecord> {
    let mut reader = Reader::key(Family::Quarantine, key);
    let parts = (reader.number()?, reader.id()?, reader.eight()?);
    reader.end()?;
    Ok(parts)
}

/// A state with the reason why it was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuarantineRecord {
    pub sequence: Sequence,
    pub reason: String,
    pub state: Vec<u8>,
}

impl QuarantineRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        Writer::versioned(VERSION)
            .u64(self.sequence.0)
            .block(self.reason.as_bytes())
            .raw(&self.state)
            .finish()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::value(Family::Quarantine, value, VERSION)?;
        let sequence = Sequence(reader.u64()?);
        let reason = String::from_utf8_lossy(reader.block()?).into_owned();
        Ok(Self {
            sequence,
            reason,
            state: reader.rest().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers};

    proptest! {
        #[test]
        fn keys_and_values_round_trip(number in numbers(), id in ids(), hash: [u8; 8], sequence: u64, reason: String, state: Vec<u8>) {
            prop_assert_eq!(decode_key(&key(number, &id, hash)), Ok((number, id, hash)));
            let record = QuarantineRecord { sequence: Sequence(sequence), reason, state };
            prop_assert_eq!(QuarantineRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_number_length_id_and_hash(
            a in (numbers(), ids(), any::<[u8; 8]>()), b in (numbers(), ids(), any::<[u8; 8]>()),
        ) {
            let parts = |x: &(DatabaseNumber, DocumentId, [u8; 8])| (x.0, x.1.as_str().len(), x.1.as_str().to_owned(), x.2);
            prop_assert_eq!(key(a.0, &a.1, a.2).cmp(&key(b.0, &b.1, b.2)), parts(&a).cmp(&parts(&b)));
            prop_assert_eq!(key(a.0, &a.1, a.2).starts_with(&prefix(b.0, &b.1)), (a.0, a.1) == (b.0, b.1));
        }
    }
}
