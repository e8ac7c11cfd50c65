//! Faults as they are done.

use serde::{Deserialize, Serialize};

use super::Tick;

/// A fault at the moment it was done, or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultFired {
    /// The kind of fault, as the plan names it.
    pub name: String,
    /// What it was done to: a datacenter, a link.
    pub target: String,
    /// Whether it begins or ends here.
    pub phase: Phase,
    /// When, by the log's clock.
    pub at: Tick,
    /// When, in milliseconds since the run began: simulated ones in a simulation.
    pub ms: u64,
}

/// A moment in the life of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It lasts from here on.
    Begun,
    /// It was lifted.
    Ended,
    /// It took no time: a kill, a reset.
    Struck,
}
