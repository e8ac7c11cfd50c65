//! Nodes that come back.

use serde::{Deserialize, Serialize};

use super::{Knowledge, Tick};

/// A node that was stopped in some way and serves again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// The node's datacenter.
    pub datacenter: String,
    /// How it had ended: `sigkill`, `power_cut`, `stop`; or [`Restart::CLONED_DISK`].
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

impl Restart {
    /// How a node ended that came back with a copy of its disk, at another place.
    pub const CLONED_DISK: &str = "cloned_disk";

    /// Whether it has to take a new identity: then all that names replicas grows by one.
    pub fn takes_an_identity(&self) -> bool {
        !self.same_disk || self.how == Self::CLONED_DISK
    }
}

/// Sizes in bytes of what names replicas. What clients put into documents is not among them: that grows as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// The largest context of a stored document.
    pub state_bytes: u64,
    /// A session token.
    pub token_bytes: u64,
    /// What the hello that a link begins with says of one database.
    pub hello_bytes: u64,
}
