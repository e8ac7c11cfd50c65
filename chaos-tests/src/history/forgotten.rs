//! What nodes let go.

use serde::{Deserialize, Serialize};

use super::{Stamp, Tick};

/// A mark of removal, or what is left of a deleted document, that a node let go for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The node's datacenter.
    pub datacenter: String,
    /// The document.
    pub document: String,
    /// What of it: a path, or empty for the document.
    pub path: String,
    /// The write that had left it.
    pub stamp: Stamp,
    /// When, by the log's clock.
    pub at: Tick,
}
