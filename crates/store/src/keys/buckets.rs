//! `buckets`: which live documents each bucket of the digest sums up, so that a comparison reads one bucket and not the database.
//!
//! | | |
//! |---|---|
//! | key | `number u32, bucket u16, id` |
//! | value | `version u8`; the hash of a document is derived from its state when somebody asks |
//! | lifetime | while the document is not deleted: an update writes nothing here |

use rejoin_document::DocumentId;

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

pub(crate) fn key(number: DatabaseNumber, bucket: u16, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).u16(bucket).raw(id.as_str().as_bytes()).finish()
}

/// What the keys of all documents of a bucket start with.
pub(crate) fn prefix(number: DatabaseNumber, bucket: u16) -> Vec<u8> {
    Writer::keyed(number).u16(bucket).finish()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(DatabaseNumber, u16, DocumentId), CorruptRecord> {
    let mut reader = Reader::key(Family::Buckets, key);
    Ok((reader.number()?, reader.u16()?, reader.last_id()?))
}

pub(crate) fn encode() -> Vec<u8> {
    Writer::versioned(VERSION).finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers};

    proptest! {
        #[test]
        fn keys_round_trip(number in numbers(), bucket: u16, id in ids()) {
            prop_assert_eq!(decode_key(&key(number, bucket, &id)), Ok((number, bucket, id)));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_number_bucket_and_id(
            a in (numbers(), any::<u16>(), ids()), b in (numbers(), any::<u16>(), ids()),
        ) {
            let order = (a.0, a.1, a.2.as_str()).cmp(&(b.0, b.1, b.2.as_str()));
            prop_assert_eq!(key(a.0, a.1, &a.2).cmp(&key(b.0, b.1, &b.2)), order);
            prop_assert_eq!(key(a.0, a.1, &a.2).starts_with(&prefix(b.0, b.1)), (a.0, a.1) == (b.0, b.1));
        }
    }
}
