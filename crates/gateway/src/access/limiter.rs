//! What clients share of a node.

use rejoin_store::QueueOptions;

use super::Shares;
use crate::config::LimitSettings;

/// The bounds that hold for all clients together and for each of them. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    /// Calls in flight: from their request until the last byte of their answer is handed over.
    pub(crate) calls: Shares,
    /// Writes that wait for the commit pipeline.
    pub(crate) writes: Shares,
    /// The bytes of those.
    pub(crate) write_bytes: Shares,
}

impl Limiter {
    /// Of one client half of the queue at most is taken: the other half is left for those who come later.
    pub(crate) fn new(limits: &LimitSettings, queue: &QueueOptions) -> Self {
        let writes = queue.waiting_max;
        let bytes = queue.waiting_bytes_max;
        Self {
            calls: Shares::new("calls in flight", limits.calls_max, limits.calls_per_client_max),
            writes: Shares::new("writes waiting", writes, writes / 2),
            write_bytes: Shares::new("bytes of writes waiting", bytes, bytes / 2),
        }
    }
}
