//! A dot names one write. Causality is decided by version vectors; the order of dots only breaks ties, alike on every node.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{HlcTime, ReplicaId};

/// The name of one write: its time and the replica that made it. Ordered by time, then replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// The write's time, strictly increasing per replica.
    pub time: HlcTime,
    /// The replica that made the write.
    pub replica: ReplicaId,
}

/// Why a text is not a dot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a dot is written `time/replica`, a decimal number and 16 hex digits")]
pub struct DotError;

impl Dot {
    /// The write of `replica` at `time`.
    pub const fn new(time: HlcTime, replica: ReplicaId) -> Self {
        Self { time, replica }
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.time, self.replica)
    }
}

impl FromStr for Dot {
    type Err = DotError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (time, replica) = text.split_once('/').ok_or(DotError)?;
        let time = time.parse().map_err(|_| DotError)?;
        let replica = replica.parse().map_err(|_| DotError)?;
        Ok(Self { time, replica })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_order_by_time_and_then_by_replica() {
        let dot = |time, replica| Dot::new(HlcTime(time), ReplicaId([replica; 8]));
        assert!(dot(1, 9) < dot(2, 1));
        assert!(dot(2, 1) < dot(2, 2));
    }

    #[test]
    fn a_dot_prints_and_parses() {
        let dot = Dot::new(HlcTime(42), ReplicaId([0xa0; 8]));
        assert_eq!(dot.to_string(), "42/a0a0a0a0a0a0a0a0");
        assert_eq!(dot.to_string().parse(), Ok(dot));
        assert_eq!("42".parse::<Dot>(), Err(DotError));
        assert_eq!("x/a0a0a0a0a0a0a0a0".parse::<Dot>(), Err(DotError));
    }
}
