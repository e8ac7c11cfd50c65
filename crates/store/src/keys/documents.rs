//! `documents`: the current state of every document. One point read serves a GET.
//!
//! | | |
//! |---|---|
//! | key | `number u32, id` |
//! | value | `version u8, sequence u64, bases after u64, state` (as [`rejoin_document::Document`] encodes itself) |
//! | lifetime | from the first write on; of a deleted document a stub stays |
//!
//! `bases after` is the sequence at which something of the document was forgotten: a revision that was superseded until then can be read, but no
//! write can be based on it.

use rejoin_document::{DocumentId, Sequence};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 2;

/// Bytes of a value beside the state.
pub(crate) const AROUND_STATE_BYTES: usize = 17;

/// The key of a document.
pub(crate) fn key(number: DatabaseNumber, id: &DocumentId) -> Vec<u8> {
    Writer::keyed(number).raw(id.as_str().as_bytes()).finish()
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(DatabaseNumber, DocumentId), CorruptRecord> {
    let mut reader = Reader::key(Family::Documents, key);
    Ok((reader.number()?, reader.last_id()?))
}

pub(crate) fn encode(sequence: Sequence, bases_after: Sequence, state: &[u8]) -> Vec<u8> {
    let writer = Writer::versioned(VERSION).u64(sequence.0).u64(bases_after.0);
    writer.raw(state).finish()
}

/// The sequence of the last change and the encoded state.
pub(crate) fn decode(value: &[u8]) -> Result<(Sequence, &[u8]), CorruptRecord> {
    let mut reader = Reader::value(Family::Documents, value, VERSION)?;
    let (sequence, _) = (reader.u64()?, reader.u64()?);
    Ok((Sequence(sequence), reader.rest()))
}

/// The sequence at which something was forgotten; 0: nothing was.
pub(crate) fn decode_bases_after(value: &[u8]) -> Result<Sequence, CorruptRecord> {
    let mut reader = Reader::value(Family::Documents, value, VERSION)?;
    let (_, bases_after) = (reader.u64()?, reader.u64()?);
    Ok(Sequence(bases_after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{ids, numbers};

    proptest! {
        #[test]
        fn keys_and_values_round_trip(number in numbers(), id in ids(), sequence: u64, bases_after: u64, state: Vec<u8>) {
            prop_assert_eq!(decode_key(&key(number, &id)), Ok((number, id)));
            let value = encode(Sequence(sequence), Sequence(bases_after), &state);
            prop_assert_eq!(decode(&value), Ok((Sequence(sequence), state.as_slice())));
            prop_assert_eq!(decode_bases_after(&value), Ok(Sequence(bases_after)));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_number_and_id(a in (numbers(), ids()), b in (numbers(), ids())) {
            prop_assert_eq!(key(a.0, &a.1).cmp(&key(b.0, &b.1)), (a.0, a.1.as_str()).cmp(&(b.0, b.1.as_str())));
        }
    }

    #[test]
    fn a_record_of_another_version_is_refused() {
        assert!(
            decode(&[9, 0, 0, 0, 0, 0, 0, 0, 1])
                .unwrap_err()
                .to_string()
                .contains("record version 9")
        );
    }
}
