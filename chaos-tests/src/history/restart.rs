//! Nodes that come back.

use serde::{Deserialize, Serialize};

use super::{Knowledge, Tick};

/// A node that was stopped in some way and serves again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// The node's datacenter.
    pub datacenter: String,
    /// How it had ended: `sigkill`, [`Restart::POWER_CUT`], `stop`; or [`Restart::CLONED_DISK`].
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
    /// How a node ended that came back with a copy of its disk, on which another node had run beside it.
    pub const CLONED_DISK: &str = "cloned_disk";

    /// How a node ended whose machine was started again.
    pub const POWER_CUT: &str = "power_cut";

    /// How many new identities it has to take: all that names replicas grows by as many. A copy has taken one when it was started beside the original,
    /// and takes another one in its place.
    pub fn identities_taken(&self) -> u64 {
        match self.how.as_str() {
            Self::CLONED_DISK => 2,
            Self::POWER_CUT => 1,
            _ => u64::from(!self.same_disk),
        }
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
