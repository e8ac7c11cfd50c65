//! `heals`: reports of reconnects, opaque to the store.
//!
//! | | |
//! |---|---|
//! | key | `u64::MAX - id`, so that a forward scan meets the newest first |
//! | value | `version u8, report` |
//! | lifetime | the newest 1000 |

use super::{CorruptRecord, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

pub(crate) fn key(id: u64) -> Vec<u8> {
    Writer::default().u64(u64::MAX - id).finish()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<u64, CorruptRecord> {
    let mut reader = Reader::key(Family::Heals, key);
    let inverted = reader.u64()?;
    reader.end()?;
    Ok(u64::MAX - inverted)
}

pub(crate) fn encode(report: &[u8]) -> Vec<u8> {
    Writer::versioned(VERSION).raw(report).finish()
}

pub(crate) fn decode(value: &[u8]) -> Result<&[u8], CorruptRecord> {
    Ok(Reader::value(Family::Heals, value, VERSION)?.rest())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_and_values_round_trip(id: u64, report: Vec<u8>) {
            prop_assert_eq!(decode_key(&key(id)), Ok(id));
            let value = encode(&report);
            prop_assert_eq!(decode(&value), Ok(report.as_slice()));
        }

        #[test]
        fn the_order_of_bytes_is_newest_first(a: u64, b: u64) {
            prop_assert_eq!(key(a).cmp(&key(b)), b.cmp(&a));
        }
    }
}
