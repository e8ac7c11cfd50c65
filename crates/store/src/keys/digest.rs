//! `digest`: the set hash of each bucket of live documents.
//!
//! | | |
//! |---|---|
//! | key | `number u32, bucket u16` |
//! | value | `version u8, set hash [32]` |
//! | lifetime | from the first document of the bucket on |

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

pub(crate) fn key(number: DatabaseNumber, bucket: u16) -> Vec<u8> {
    Writer::keyed(number).u16(bucket).finish()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(DatabaseNumber, u16), CorruptRecord> {
    let mut reader = Reader::key(Family::Digest, key);
    let parts = (reader.number()?, reader.u16()?);
    reader.end()?;
    Ok(parts)
}

pub(crate) fn encode(hash: &[u8; 32]) -> Vec<u8> {
    Writer::versioned(VERSION).raw(hash).finish()
}

pub(crate) fn decode(value: &[u8]) -> Result<[u8; 32], CorruptRecord> {
    let mut reader = Reader::value(Family::Digest, value, VERSION)?;
    let bytes = reader.rest();
    bytes.try_into().map_err(|_| reader.corrupt("a set hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::numbers;

    proptest! {
        #[test]
        fn keys_and_values_round_trip(number in numbers(), bucket: u16, hash: [u8; 32]) {
            prop_assert_eq!(decode_key(&key(number, bucket)), Ok((number, bucket)));
            prop_assert_eq!(decode(&encode(&hash)), Ok(hash));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_number_and_bucket(a in (numbers(), any::<u16>()), b in (numbers(), any::<u16>())) {
            prop_assert_eq!(key(a.0, a.1).cmp(&key(b.0, b.1)), a.cmp(&b));
        }
    }
}
