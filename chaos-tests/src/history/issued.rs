//! Times that replicas issue.

use serde::{Deserialize, Serialize};

use super::{Stamp, Tick};

/// A dot that a replica gave to a write, in the order in which it issued them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The node's datacenter.
    pub datacenter: String,
    /// The dot.
    pub stamp: Stamp,
    /// The document that was written.
    pub document: String,
    /// What was written, or a hash of it.
    pub payload: String,
    /// When, by the log's clock.
    pub at: Tick,
}
