//! The digest of one database in memory: 4,096 set hashes, and their sum.
//!
//! Shared in chunks: a group that changes a few buckets copies a few KiB, not all 128.

use std::sync::Arc;

use rejoin_document::{BUCKETS, ItemHash, SetHash};

const CHUNK: usize = 64;

/// Set hashes by bucket.
#[derive(Debug, Clone)]
pub(crate) struct Buckets {
    root: SetHash,
    chunks: Vec<Arc<[SetHash; CHUNK]>>,
}

impl Buckets {
    /// The digest of no documents.
    pub(crate) fn empty() -> Self {
        let chunk = Arc::new([SetHash::default(); CHUNK]);
        Self {
            root: SetHash::default(),
            chunks: vec![chunk; usize::from(BUCKETS).div_ceil(CHUNK)],
        }
    }

    /// The hash over all buckets.
    pub(crate) fn root(&self) -> SetHash {
        self.root
    }

    /// The hash of one bucket, below [`BUCKETS`].
    pub(crate) fn get(&self, bucket: u16) -> SetHash {
        let bucket = usize::from(bucket);
        self.chunks
            .get(bucket / CHUNK)
            .map_or_else(SetHash::default, |chunk| chunk[bucket % CHUNK])
    }

    /// All hashes in the order of the buckets.
    pub(crate) fn all(&self) -> Vec<SetHash> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect()
    }

    /// Replaces the contribution of one document.
    pub(crate) fn exchange(&mut self, bucket: u16, before: Option<ItemHash>, after: Option<ItemHash>) {
        let bucket = usize::from(bucket);
        let Some(chunk) = self.chunks.get_mut(bucket / CHUNK) else {
            return;
        };
        for hash in [&mut Arc::make_mut(chunk)[bucket % CHUNK], &mut self.root] {
            if let Some(before) = before {
                hash.remove(before);
            }
            if let Some(after) = after {
                hash.add(after);
            }
        }
    }

    /// Puts a bucket in place that was read from disk; the root follows.
    pub(crate) fn load(&mut self, bucket: u16, hash: SetHash) {
        let bucket = usize::from(bucket);
        if let Some(chunk) = self.chunks.get_mut(bucket / CHUNK) {
            Arc::make_mut(chunk)[bucket % CHUNK] = hash;
            self.root.add_set(hash);
        }
    }
}
