//! The settings of a link, with their defaults.

/// The greatest distance between two ticks that keeps every promise about time, in milliseconds.
pub const TICK_MS_MAX: u64 = 50;

/// Settings of one link. All times are in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkOptions {
    /// A link over which nothing was heard for this long is partitioned. Default: 3000.
    pub partition_after_ms: u64,
    /// A connection over which nothing was heard for this long is given up and dialled again. Longer than the partition bound, since a
    /// large document may take its time on a thin line. Default: 30,000.
    pub abandon_after_ms: u64,
    /// A heartbeat is sent when nothing else was for this long. Default: 1000.
    pub heartbeat_interval_ms: u64,
    /// What was received from one peer is forwarded to another after this delay, so that a full mesh does not send it twice. Default: 50.
    pub forward_delay_ms: u64,
    /// Bytes of batches that may be under way without having been acknowledged. Default: 8 MiB.
    pub window_bytes: u64,
    /// Bytes of documents in one batch, exceeded only by a single larger document. Default: 1 MiB.
    pub batch_bytes: u64,
    /// The first delay before a lost connection is dialled again. Default: 100.
    pub backoff_ms_min: u64,
    /// The longest such delay. Default: 5000.
    pub backoff_ms_max: u64,
    /// A comparison that could not conclude, because one side had not received everything yet, is tried again after this. Default: 1000.
    pub compare_retry_ms: u64,
    /// After so many tries only buckets are looked into that differ in the same way from one try to the next. Default: 30.
    pub compare_tries_max: u32,
    /// Digests are compared this often while the link is quiet, beside the comparison after each reconnect. Default: 300,000.
    pub compare_interval_ms: u64,
    /// Documents that a repair asks for in one message. Default: 256.
    pub fetch_documents_max: usize,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            partition_after_ms: 3_000,
            abandon_after_ms: 30_000,
            heartbeat_interval_ms: 1_000,
            forward_delay_ms: 50,
            window_bytes: 8 << 20,
            batch_bytes: 1 << 20,
            backoff_ms_min: 100,
            backoff_ms_max: 5_000,
            compare_retry_ms: 1_000,
            compare_tries_max: 30,
            compare_interval_ms: 300_000,
            fetch_documents_max: 256,
        }
    }
}
