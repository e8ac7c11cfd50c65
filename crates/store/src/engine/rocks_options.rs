//! Settings of the RocksDB engine.

use serde::{Deserialize, Serialize};

/// Memory and background work of the RocksDB engine. The defaults suit a node of a few million documents on a small machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RocksOptions {
    /// Bytes of cached blocks, shared by all families. Default: 256 MiB.
    pub block_cache_bytes: usize,
    /// Bytes of unwritten changes in memory, all families together, above which they are written out. Default: 128 MiB.
    pub write_buffer_bytes: usize,
    /// Bytes of the write-ahead log above which families are written out so that it can shrink. Default: 256 MiB.
    pub log_bytes_max: u64,
    /// Bits per key of the Bloom filters: 10 bits let one absent key in a hundred through. Default: 10.
    pub bloom_bits_per_key: f64,
    /// Files that are kept open; -1: all. Default: 1000.
    pub open_files_max: i32,
    /// Threads for flushes and compactions. Default: 2.
    pub background_jobs_max: i32,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self {
            block_cache_bytes: 256 << 20,
            write_buffer_bytes: 128 << 20,
            log_bytes_max: 256 << 20,
            bloom_bits_per_key: 10.0,
            open_files_max: 1000,
            background_jobs_max: 2,
        }
    }
}
