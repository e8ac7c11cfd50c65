//! One thing that goes wrong, where, when, and for how long.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FaultKind;

/// Whom a fault befalls, by the numbers of the plan's datacenters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A datacenter.
    Node(usize),
    /// The connection of two. A fault of one direction befalls what `from` sends to `to`.
    Edge {
        /// One end.
        from: usize,
        /// The other.
        to: usize,
    },
}

/// A fault of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Where.
    pub target: Target,
    /// When it begins, in simulated milliseconds after the start. A fault that needs an occasion (a merge under way, say) waits for it from then on.
    pub at_ms: u64,
    /// How long it lasts; 0 for a kind that happens at one moment.
    pub for_ms: u64,
    /// A number drawn for it, for whatever its kind leaves open: how far a clock jumps, which side a partition leaves alone.
    pub draw: u64,
}

impl Fault {
    /// When it is over.
    pub fn until_ms(&self) -> u64 {
        self.at_ms.saturating_add(self.for_ms)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(formatter, "{}", super::Plan::datacenter(*node)),
            Self::Edge { from, to } => write!(
                formatter,
                "{} to {}",
                super::Plan::datacenter(*from),
                super::Plan::datacenter(*to)
            ),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at {} ms: {}, {}", self.at_ms, self.kind, self.target)?;
        if self.for_ms > 0 {
            write!(formatter, ", for {} ms", self.for_ms)?;
        }
        Ok(())
    }
}
