//! How far an index is.
//!
//! Value: `version u8, sequence u64, views u16`, then the number of rows of each view as `u64`.

use rejoin_document::Sequence;
use rejoin_store::{Family, Read};

use super::keys::{self, IndexNumber};
use super::{Index, IndexError};

const VERSION: u8 = 1;

/// Where an index is, and how many rows it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Every document is in the index as it was at this sequence.
    pub(crate) sequence: Sequence,
    /// The number of rows of each view.
    pub(crate) rows: Vec<u64>,
}

impl Position {
    pub(super) fn start(views: usize) -> Self {
        Self {
            sequence: Sequence(0),
            rows: vec![0; views],
        }
    }

    /// The position of an index.
    pub(crate) fn read(read: &dyn Read, index: &Index) -> Result<Self, IndexError> {
        Self::of(read, index.number())
    }

    pub(super) fn of(read: &dyn Read, number: IndexNumber) -> Result<Self, IndexError> {
        let value = read
            .get(Family::Views, &keys::position(number))?
            .ok_or(IndexError::Gone)?;
        Self::decode(&value)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut value = vec![VERSION];
        value.extend(self.sequence.0.to_be_bytes());
        // A design has at most 64 views.
        value.extend((self.rows.len() as u16).to_be_bytes());
        self.rows.iter().for_each(|rows| value.extend(rows.to_be_bytes()));
        value
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, IndexError> {
        let corrupt = IndexError::Corrupt("the position of an index");
        let (&[version], rest) = value.split_first_chunk::<1>().ok_or(corrupt.clone())?;
        let (sequence, rest) = rest.split_first_chunk::<8>().ok_or(corrupt.clone())?;
        let (views, rest) = rest.split_first_chunk::<2>().ok_or(corrupt.clone())?;
        let (counts, left) = rest.as_chunks::<8>();
        if version != VERSION || !left.is_empty() || counts.len() != usize::from(u16::from_be_bytes(*views)) {
            return Err(corrupt);
        }
        Ok(Self {
            sequence: Sequence(u64::from_be_bytes(*sequence)),
            rows: counts.iter().map(|count| u64::from_be_bytes(*count)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_round_trip_and_no_bytes_panic(sequence: u64, rows in prop::collection::vec(any::<u64>(), 0..4), noise in prop::collection::vec(0u8..3, 0..30)) {
            let position = Position { sequence: Sequence(sequence), rows };
            prop_assert_eq!(Position::decode(&position.encode()), Ok(position.clone()));
            prop_assert!(Position::decode(&position.encode()[1..]).is_err());
            let _ = Position::decode(&noise);
        }
    }
}
