//! What rules a node goes by.

use serde::{Deserialize, Serialize};

use super::{Rules, Tick};

/// A node has learnt other rules of the database: what is written there from now on is taken under them, and shown so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesKnown {
    /// The node's datacenter.
    pub datacenter: String,
    /// The rules, all of them.
    pub rules: Rules,
    /// When, by the log's clock.
    pub at: Tick,
}
