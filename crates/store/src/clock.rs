//! The replica's clock: uhlc with a memory.
//!
//! What uhlc does not do is done here. It forgets everything at a restart, and cannot be told: so a time is never below the last issued one
//! plus one, and the last issued one is written in the batch of each write and read back at the start. A stamp of `u64::MAX` would make it
//! wrap: so times near the end of the range are refused. A peer's time moves the clock only within the drift bound: skew must neither stop
//! replication nor poison other clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rejoin_document::{HlcTime, ReplicaId};
use uhlc::{HLC, HLCBuilder, ID, NTP64, Timestamp};

/// A physical clock: seconds and fractions since 1970 as NTP64. A simulator gives its own.
pub type PhysicalClock = fn() -> NTP64;

/// Times above this one are refused: a day below the end of the range, in the year 2106.
pub const TIME_MAX: HlcTime = HlcTime(u64::MAX - ((24 * 60 * 60) << 32));

/// The machine's clock; 0 before 1970.
pub fn system_clock() -> NTP64 {
    #[expect(clippy::disallowed_methods, reason = "the default that a simulator replaces")]
    let now = SystemTime::now();
    NTP64::from(now.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// What became of a peer's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observed {
    /// The clock is at least there now.
    Followed,
    /// It is too far ahead of the physical clock: the clock stays, the data is welcome.
    Drifted,
}

/// Issues the times of one replica's writes.
pub(crate) struct Clock {
    hlc: HLC,
    physical: PhysicalClock,
    max_drift: Duration,
    last: HlcTime,
}

impl Clock {
    /// A clock that issues times above `last`.
    pub(crate) fn new(replica: ReplicaId, physical: PhysicalClock, max_drift: Duration, last: HlcTime) -> Self {
        Self {
            hlc: build(replica, physical, max_drift),
            physical,
            max_drift,
            last,
        }
    }

    /// The same clock for another replica.
    pub(crate) fn rename(&mut self, replica: ReplicaId) {
        self.hlc = build(replica, self.physical, self.max_drift);
    }

    /// The time of a new write: above every time issued before, in this run and in former ones. `None` at the end of the range.
    pub(crate) fn issue(&mut self) -> Option<HlcTime> {
        let now = self.hlc.new_timestamp().get_time().as_u64();
        let time = HlcTime(now.max(self.last.0.checked_add(1)?));
        (time <= TIME_MAX).then(|| {
            self.last = time;
            time
        })
    }

    /// The last issued time.
    pub(crate) fn last(&self) -> HlcTime {
        self.last
    }

    /// What the physical clock says.
    pub(crate) fn now(&self) -> HlcTime {
        HlcTime((self.physical)().as_u64())
    }

    /// Takes a peer's time into account. It must not be above [`TIME_MAX`].
    pub(crate) fn observe(&self, time: HlcTime) -> Observed {
        // Not asked about far times: it would write a line of its own for each.
        let limit = self.now().0.saturating_add(NTP64::from(self.max_drift).as_u64());
        if time.0 > limit {
            return Observed::Drifted;
        }
        match self
            .hlc
            .update_with_timestamp(&Timestamp::new(NTP64(time.0), *self.hlc.get_id()))
        {
            Ok(()) => Observed::Followed,
            Err(_) => Observed::Drifted,
        }
    }
}

fn build(replica: ReplicaId, physical: PhysicalClock, max_drift: Duration) -> HLC {
    // uhlc allows no id of zeros; the id plays no part in the times that are issued.
    let id = ID::try_from(replica.0)
        .or_else(|_| ID::try_from([1u8]))
        .unwrap_or_else(|_| ID::rand());
    HLCBuilder::new()
        .with_id(id)
        .with_clock(physical)
        .with_max_delta(max_drift)
        .build()
}

/// A span of time in units of [`HlcTime`].
pub(crate) fn span(duration: Duration) -> u64 {
    (duration.as_secs().min(u64::from(u32::MAX)) << 32)
        | (NTP64::from(Duration::from_nanos(duration.subsec_nanos().into())).as_u64() & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(1_000 << 32) };
    }

    fn simulated() -> NTP64 {
        NTP64(NOW.get())
    }

    fn clock(last: u64) -> Clock {
        Clock::new(ReplicaId([7; 8]), simulated, Duration::from_millis(500), HlcTime(last))
    }

    #[test]
    fn times_strictly_increase_while_the_physical_clock_stands_or_jumps_back() {
        let mut clock = clock(0);
        let mut last = HlcTime(0);
        for jump in [0i64, 0, 0, 1 << 33, -(1 << 34), 0, 5] {
            NOW.set(NOW.get().wrapping_add_signed(jump));
            let time = clock.issue().unwrap();
            assert!(time > last, "{time} after {last}");
            last = time;
        }
    }

    #[test]
    fn a_clock_starts_above_the_last_time_of_the_former_run() {
        NOW.set(1_000 << 32);
        assert_eq!(clock(2_000 << 32).issue(), Some(HlcTime((2_000 << 32) + 1)));
    }

    #[test]
    fn a_peers_time_moves_the_clock_within_the_drift_bound_only() {
        NOW.set(1_000 << 32);
        let mut clock = clock(0);
        let (near, far) = (HlcTime((1_000 << 32) + (1 << 31) - 16), HlcTime(1_001 << 32));
        assert_eq!(clock.observe(far), Observed::Drifted);
        assert!(clock.issue().unwrap() < near);
        assert_eq!(clock.observe(near), Observed::Followed);
        let next = clock.issue().unwrap();
        assert!(next > near && next < far);
        assert_eq!(clock.observe(HlcTime(u64::MAX)), Observed::Drifted);
    }

    #[test]
    fn no_time_is_issued_at_the_end_of_the_range() {
        assert_eq!(clock(TIME_MAX.0).issue(), None);
        assert_eq!(clock(u64::MAX).issue(), None);
    }

    #[test]
    fn a_span_is_in_ntp_units() {
        assert_eq!(span(Duration::from_secs(2)), 2 << 32);
        assert!(span(Duration::from_millis(500)).abs_diff(1 << 31) < 16);
        assert_eq!(span(Duration::ZERO), 0);
    }
}
