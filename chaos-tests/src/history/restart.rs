//! Nodes that come back.

use serde::{Deserialize, Serialize};

use super::{Knowledge, Tick};

/// A node that was stopped in some way and serves again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// The node's datacenter.
    pub datacenter: String,
    /// How it had ended: `sigkill`, `power_cut`, `stop`.
    pub how: String,
    /// Whether it came back with the disk that it had; otherwise with an older one, or none.
    pub same_disk: bool,
    /// When it was gone, by the log's clock: what was acknowledged before must be there.
    pub stopped: Tick,
    /// When it served again, by the log's clock.
    pub at: Tick,
    /// When it served again, in milliseconds since the run began.
    pub ms: u64,
    /// What it knew at once, before any peer told it anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Knowledge>,
    /// How big things are that must not grow with the number of restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sizes>,
}

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// The stored state of one document that is written again and again.
    pub state_bytes: u64,
    /// A session token.
    pub token_bytes: u64,
    /// The hello that a link begins with.
    pub hello_bytes: u64,
}
