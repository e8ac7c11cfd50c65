//! `conflicts`: the documents that hold more than one candidate somewhere.
//!
//! | | |
//! |---|---|
//! | key | `number u32, id` |
//! | value | `version u8, open u32`: open conflicts under the rules of the moment it was written; 0 where a rule settles them all |
//! | lifetime | while the document may conflict under some rules; counted again when the database's rules change |

use rejoin_document::DocumentId;

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

pub(crate) fn key(number: DatabaseNumber, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).raw(id.as_str().as_bytes()).finish()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(DatabaseNumber, DocumentId), CorruptRecord> {
    let mut reader = Reader::key(Family::Conflicts, key);
    Ok((reader.number()?, reader.last_id()?))
}

pub(crate) fn encode(open: u32) -> Vec<u8> {
    Writer::versioned(VERSION).u32(open).finish()
}

pub(crate) fn decode(value: &[u8]) -> Result<u32, CorruptRecord> {
    let mut reader = Reader::value(Family::Conflicts, value, VERSION)?;
    let open = reader.u32()?;
    reader.end()?;
    Ok(open)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers};

    proptest! {
        #[test]
        fn keys_and_values_round_trip(number in numbers(), id in ids(), open: u32) {
            prop_assert_eq!(decode_key(&key(number, &id)), Ok((number, id)));
            prop_assert_eq!(decode(&encode(open)), Ok(open));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_number_and_id(a in (numbers(), ids()), b in (numbers(), ids())) {
            prop_assert_eq!(key(a.0, &a.1).cmp(&key(b.0, &b.1)), (a.0, a.1.as_str()).cmp(&(b.0, b.1.as_str())));
        }
    }
}
