//! The incremental set hash that proves two nodes equal: the sum of the hashes of their live documents, in buckets so that a difference is found by
//! bisection.

use std::fmt;

use crate::{DatabaseName, DocumentId};

/// How many buckets a database's digest has.
pub const BUCKETS: u16 = 4096;

/// The hash of one live document: its database, id, heads, shown fields and siblings.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemHash(pub [u8; 32]);

/// The sum of hashes of a set of documents: four lanes of 64 bits that wrap. Adding and removing commute, so it is kept up to date in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SetHash(pub [u8; 32]);

impl SetHash {
    /// The hash of no documents.
    pub const EMPTY: Self = Self([0; 32]);

    /// Adds a document.
    pub fn add(&mut self, item: ItemHash) {
        self.combine(&item.0, u64::wrapping_add);
    }

    /// Removes a document that was added before.
    pub fn remove(&mut self, item: ItemHash) {
        self.combine(&item.0, u64::wrapping_sub);
    }

    /// Adds all documents of another set: the root is the sum of its buckets.
    pub fn add_set(&mut self, other: Self) {
        self.combine(&other.0, u64::wrapping_add);
    }

    fn combine(&mut self, other: &[u8; 32], operation: fn(u64, u64) -> u64) {
        let lanes = self.0.chunks_exact_mut(8).zip(other.chunks_exact(8));
        for (lane, term) in lanes {
            let number = |bytes: &[u8]| {
                bytes
                    .iter()
                    .rev()
                    .fold(0u64, |number, byte| number << 8 | u64::from(*byte))
            };
            let sum = operation(number(lane), number(term));
            lane.copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// The bucket of a document.
pub fn bucket_of(database: &DatabaseName, id: &DocumentId) -> u16 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(database.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(id.as_str().as_bytes());
    let [low, high, ..] = *hasher.finalize().as_bytes();
    u16::from_le_bytes([low, high]) % BUCKETS
}

macro_rules! hex_format {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                crate::hex::write(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

hex_format!(ItemHash);
hex_format!(SetHash);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_hash_depends_on_the_members_alone(items in proptest::collection::vec(any::<[u8; 32]>(), 0..6), gone in any::<[u8; 32]>()) {
            let mut forward = SetHash::EMPTY;
            items.iter().for_each(|item| forward.add(ItemHash(*item)));
            let mut backward = SetHash::EMPTY;
            backward.add(ItemHash(gone));
            items.iter().rev().for_each(|item| backward.add(ItemHash(*item)));
            backward.remove(ItemHash(gone));
            prop_assert_eq!(forward, backward);
        }
    }

    #[test]
    fn buckets_are_used_evenly() {
        let database = "customers".parse().expect("a valid name");
        let mut counts = vec![0u32; usize::from(BUCKETS)];
        for n in 0..40_960 {
            let id: DocumentId = format!("document-{n}").parse().expect("a valid id");
            counts[usize::from(bucket_of(&database, &id))] += 1;
        }
        assert!(counts.iter().all(|count| *count <= 40), "{:?}", counts.iter().max());
    }
}
