//! What the clients of a run do: one description for every stage.

use serde::{Deserialize, Serialize};

/// How many clients do what, in percent of their operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Documents that everybody writes to: few, so that writes meet.
    pub documents: u32,
    /// Clients of each datacenter.
    pub clients: u32,
    /// Operations that a run has at least; a run with fewer fails.
    pub operations_min: u32,
    /// The longest pause of a client between two operations, in simulated milliseconds.
    pub pause_ms_max: u64,
    /// Reads that are followed by no write.
    pub reads_percent: u32,
    /// Writes that are deletes.
    pub deletes_percent: u32,
    /// Writes that take a base which was read some time before.
    pub stale_percent: u32,
    /// Writes that add to a counter or a set by a verb, and name no base.
    pub verbs_percent: u32,
    /// Writes that are sent together with another one as a batch.
    pub batches_percent: u32,
    /// Writes that resolve a conflict, where one is listed.
    pub resolutions_percent: u32,
    /// Operations after which the client goes on with its session at another datacenter.
    pub failover_percent: u32,
    /// Whether databases of granularity `document` are written to as well.
    pub trees: bool,
}

impl Workload {
    /// Of everything something.
    pub const MIXED: Self = Self {
        documents: 6,
        clients: 3,
        operations_min: 200,
        pause_ms_max: 800,
        reads_percent: 30,
        deletes_percent: 5,
        stale_percent: 30,
        verbs_percent: 15,
        batches_percent: 5,
        resolutions_percent: 10,
        failover_percent: 4,
        trees: true,
    };
}
