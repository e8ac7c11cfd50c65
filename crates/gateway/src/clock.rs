//! The clocks of a node, both handed in from outside, so that a simulation can set them.

use std::time::Duration;

use rejoin_document::HlcTime;
use rejoin_sync::Timestamp;
use tokio::time::Instant;

/// Reads a wall clock as NTP64: seconds since 1970 in the high 32 bits, the fraction of a second in the low ones.
pub type WallClock = fn() -> uhlc::NTP64;

/// Milliseconds since 1970 that never go back: the wall clock at the start plus what has passed since.
///
/// Links measure silence with it, so that a jump of the wall clock does not look like a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkClock {
    start: Instant,
    start_unix_ms: u64,
}

impl LinkClock {
    /// A clock that starts at what `wall` reads now.
    pub(crate) fn new(wall: WallClock) -> Self {
        Self {
            start: Instant::now(),
            start_unix_ms: HlcTime(wall().0).unix_ms(),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.start_unix_ms.saturating_add(passed))
    }
}

/// How far `theirs` is ahead of `ours`, in seconds; negative when it is behind.
pub(crate) fn drift_s(theirs: uhlc::NTP64, ours: uhlc::NTP64) -> f64 {
    let difference =
        |late: uhlc::NTP64, early: uhlc::NTP64| -> Duration { late.to_duration().saturating_sub(early.to_duration()) };
    difference(theirs, ours).as_secs_f64() - difference(ours, theirs).as_secs_f64()
}
