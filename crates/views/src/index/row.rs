//! What is stored of a row, and of the rows of a document.
//!
//! | value of | layout |
//! |---|---|
//! | row | `version u8, id length u16, id, key length u32, key, value`: the key and the value are JSON |
//! | emitted | `version u8`, then for each row `view u16, length u32, the key of its record` |

use super::IndexError;

const VERSION: u8 = 1;

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRow {
    /// The document that emitted it.
    pub(crate) id: String,
    /// The key as JSON, as it was emitted.
    pub(crate) key: String,
    /// The value as JSON.
    pub(crate) value: String,
}

impl StoredRow {
    pub(super) fn encode(id: &str, key: &str, value: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(7 + id.len() + key.len() + value.len());
        bytes.push(VERSION);
        // An id has at most 512 bytes, and a key is bounded where it is emitted.
        bytes.extend((id.len() as u16).to_be_bytes());
        bytes.extend(id.as_bytes());
        bytes.extend((key.len() as u32).to_be_bytes());
        bytes.extend(key.as_bytes());
        bytes.extend(value.as_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        Self::take_apart(bytes).ok_or(IndexError::Corrupt("a row"))
    }

    fn take_apart(bytes: &[u8]) -> Option<Self> {
        let (&[version, high, low], rest) = bytes.split_first_chunk::<3>()?;
        let (id, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (key, value) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        (version == VERSION).then_some(())?;
        Some(Self {
            id: text(id)?,
            key: text(key)?,
            value: text(value)?,
        })
    }
}

/// The rows of a document: their views, and the keys of their records.
pub(super) fn encode_emitted<'a>(rows: impl Iterator<Item = (u16, &'a [u8])>) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for (view, key) in rows {
        bytes.extend(view.to_be_bytes());
        // The sort key of a bounded key is bounded far below 4 GiB.
        bytes.extend((key.len() as u32).to_be_bytes());
        bytes.extend(key);
    }
    bytes
}

pub(super) fn decode_emitted(bytes: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, IndexError> {
    let corrupt = || IndexError::Corrupt("the rows of a document");
    let mut left = bytes.strip_prefix(&[VERSION]).ok_or_else(corrupt)?;
    let mut rows = Vec::new();
    while !left.is_empty() {
        let (view, rest) = left.split_first_chunk::<2>().ok_or_else(corrupt)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let (key, rest) = rest
            .split_at_checked(u32::from_be_bytes(*length) as usize)
            .ok_or_else(corrupt)?;
        rows.push((u16::from_be_bytes(*view), key.to_vec()));
        left = rest;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_round_trip_and_no_bytes_panic(id in "\\PC{0,9}", key in "\\PC{0,9}", value in "\\PC{0,9}", noise in prop::collection::vec(0u8..3, 0..20)) {
            let bytes = StoredRow::encode(&id, &key, &value);
            prop_assert_eq!(StoredRow::decode(&bytes), Ok(StoredRow { id, key, value }));
            let _ = (StoredRow::decode(&noise), decode_emitted(&noise));
        }

        #[test]
        fn the_rows_of_a_document_round_trip(rows in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..5)), 0..5)) {
            let bytes = encode_emitted(rows.iter().map(|(view, key)| (*view, key.as_slice())));
            prop_assert_eq!(decode_emitted(&bytes), Ok(rows));
        }
    }
}
