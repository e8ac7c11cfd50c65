//! `quarantine`: states that cannot be applied here, kept as they came and forwarded through their change entries.
//!
//! | | |
//! |---|---|
//! | key | `number u32, id length u16, id, state hash [8]` |
//! | value | `version u8, sequence u64, since u64, peer length u32, peer, reason length u32, reason, state`; version 1 has neither `since` nor `peer` |
//! | lifetime | until it can be joined, or the document contains it; or until the document has more of them than the bound; then the oldest goes, which a newer one from the same peer contains |

use rejoin_document::{DocumentId, HlcTime, Sequence};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 2;

/// What was set aside before it was noted when and from where.
const VERSION_BARE: u8 = 1;

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
    /// When it was set aside, by this node's clock. [`HlcTime::ZERO`]: not noted.
    pub since: HlcTime,
    /// The peer that sent it, who may have it from another. Empty: not noted.
    pub peer: String,
    pub reason: String,
    pub state: Vec<u8>,
}

impl QuarantineRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        Writer::versioned(VERSION)
            .u64(self.sequence.0)
            .u64(self.since.0)
            .block(self.peer.as_bytes())
            .block(self.reason.as_bytes())
            .raw(&self.state)
            .finish()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, CorruptRecord> {
        let bare = value.first() == Some(&VERSION_BARE);
        let version = if bare { VERSION_BARE } else { VERSION };
        let mut reader = Reader::value(Family::Quarantine, value, version)?;
        let sequence = Sequence(reader.u64()?);
        let (since, peer) = match bare {
            true => (HlcTime::ZERO, String::new()),
            false => (
                HlcTime(reader.u64()?),
                String::from_utf8_lossy(reader.block()?).into_owned(),
            ),
        };
        let reason = String::from_utf8_lossy(reader.block()?).into_owned();
        Ok(Self {
            sequence,
            since,
            peer,
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
        fn keys_and_values_round_trip(number in numbers(), id in ids(), hash: [u8; 8], sequence: u64, since: u64, peer: String, reason: String, state: Vec<u8>) {
            prop_assert_eq!(decode_key(&key(number, &id, hash)), Ok((number, id, hash)));
            let record = QuarantineRecord { sequence: Sequence(sequence), since: HlcTime(since), peer, reason, state };
            prop_assert_eq!(QuarantineRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn what_was_set_aside_by_an_older_version_is_read(sequence: u64, reason: String, state: Vec<u8>) {
            let old = Writer::versioned(VERSION_BARE).u64(sequence).block(reason.as_bytes()).raw(&state).finish();
            let (since, peer) = (HlcTime::ZERO, String::new());
            let record = QuarantineRecord { sequence: Sequence(sequence), since, peer, reason, state };
            prop_assert_eq!(QuarantineRecord::decode(&old), Ok(record));
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
