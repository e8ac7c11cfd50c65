//! Settings of the commit queue.

use serde::{Deserialize, Serialize};

/// Bounds of the queue in front of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueOptions {
    /// Operations that may wait; more are refused as overload. Default: 4096.
    pub waiting_max: usize,
    /// Bytes of bodies and states that may wait. One operation is always taken. Default: 256 MiB.
    pub waiting_bytes_max: usize,
    /// Operations in one group. Default: 1024.
    pub group_max: usize,
    /// Bytes after which a group is closed. Default: 16 MiB.
    pub group_bytes_max: usize,
    /// While nothing is written, how often the node records that it is alive: at most a third of the store's `stale_after`, or an ordinary crash
    /// looks like one of long ago. Milliseconds, default 15,000.
    pub alive_every_ms: u64,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            waiting_max: 4096,
            waiting_bytes_max: 256 << 20,
            group_max: 1024,
            group_bytes_max: 16 << 20,
            alive_every_ms: 15_000,
        }
    }
}
