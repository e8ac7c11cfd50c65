//! The time of a write. This crate reads no clock: times come in with the dots of the writes.

use std::fmt;
use std::str::FromStr;

/// A hybrid logical clock's NTP64 time: seconds since 1970 in the upper 32 bits, the fraction of a second in the lower. Zero stands for "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HlcTime(pub u64);

impl HlcTime {
    /// Before every write.
    pub const ZERO: Self = Self(0);

    /// Whole milliseconds since 1970, rounded down.
    pub fn unix_ms(self) -> u64 {
        let (seconds, fraction) = (self.0 >> 32, self.0 & u64::from(u32::MAX));
        seconds * 1000 + ((fraction * 1000) >> 32)
    }
}

/// Times at which a replica wrote nothing: those strictly between the last write that it knew of when it was opened and its first one since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeGap {
    /// The last write that was known, or [`HlcTime::ZERO`].
    pub after: HlcTime,
    /// The first write since then.
    pub before: HlcTime,
}

impl TimeGap {
    /// Whether a time lies in the gap. A peer that has a write of such a time has one that this replica lost.
    pub fn contains(self, time: HlcTime) -> bool {
        self.after < time && time < self.before
    }
}

impl fmt::Display for HlcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for HlcTime {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
