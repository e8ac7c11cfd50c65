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
        fn values_round_trip(count: u64, body: String) {
            let value = encode(count, &body);
            prop_assert_eq!(decode(&value), Ok((count, body.as_bytes())));
        }
    }
}
