//! When peace comes.

use serde::{Deserialize, Serialize};

use super::Tick;

/// From here on no fault is in force and no client writes: the nodes must become equal within a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// When, by the log's clock.
    pub at: Tick,
    /// When, in milliseconds since the run began.
    pub ms: u64,
    /// How many milliseconds the nodes have: a constant for noticing the heal, and the backlog divided by its rate.
    pub bound_ms: u64,
}
