//! `local`: documents that stay at this node, as the checkpoints of replicators.
//!
//! | | |
//! |---|---|
//! | key | `number u32, id text` |
//! | value | `version u8, count of writes u64, body as JSON` |
//! | lifetime | until it is deleted, or its database is |

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

pub(crate) fn key(number: DatabaseNumber, id: &str) -> Vec<u8> {
    Writer::keyed(number).raw(id.as_bytes()).finish()
}

/// The id in a key of the database.
pub(crate) fn id_of(number: DatabaseNumber, key: &[u8]) -> Result<String, CorruptRecord> {
    let id = key.strip_prefix(number.prefix().as_slice());
    let id = id.and_then(|id| String::from_utf8(id.to_vec()).ok());
    id.ok_or_else(|| CorruptRecord {
        family: Family::Local,
        detail: "a key holds no id".to_owned(),
    })
}

pub(crate) fn encode(count: u64, body: &str) -> Vec<u8> {
    Writer::versioned(VERSION).u64(count).raw(body.as_bytes()).finish()
}

pub(crate) fn decode(value: &[u8]) -> Result<(u64, &[u8]), CorruptRecord> {
    let mut reader = Reader::value(Family::Local, value, VERSION)?;
    Ok((reader.u64()?, reader.rest()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_tells_its_id(number: u32, id: String) {
            let number = DatabaseNumber(number);
            prop_assert_eq!(id_of(number, &key(number, &id)), Ok(id));
        }

        #[test]
        fn values_round_trip(count: u64, body: String) {
            let value = encode(count, &body);
            prop_assert_eq!(decode(&value), Ok((count, body.as_bytes())));
        }
    }
}
