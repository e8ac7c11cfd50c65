//! How long to wait before a lost connection is dialled again: doubling, capped, and jittered so that nodes that lost each other at the
//! same moment do not come back in step ("equal jitter" of the AWS architecture blog).

/// The delays of one link's reconnects. Draws no randomness: the jitter comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backoff {
    min_ms: u64,
    max_ms: u64,
    next_ms: u64,
}

impl Backoff {
    /// Delays that start at `min_ms` and double up to `max_ms`.
    pub fn new(min_ms: u64, max_ms: u64) -> Self {
        Self {
            min_ms,
            max_ms,
            next_ms: min_ms.min(max_ms),
        }
    }

    /// The next delay in milliseconds: between half of the current step (inclusive) and all of it (inclusive). `jitter` is any random number.
    pub fn next(&mut self, jitter: u32) -> u64 {
        let step = self.next_ms;
        self.next_ms = step.saturating_mul(2).clamp(1, self.max_ms.max(1));
        jittered(step, jitter)
    }

    /// The longest delay, for a peer that refuses: it will not change its mind soon.
    pub fn longest(&self, jitter: u32) -> u64 {
        jittered(self.max_ms, jitter)
    }

    /// Starts again from the first step, after a connection that worked.
    pub fn reset(&mut self) {
        self.next_ms = self.min_ms.min(self.max_ms);
    }
}

fn jittered(step: u64, jitter: u32) -> u64 {
    let half = step / 2;
    half + u64::from(jitter) % (step - half + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let mut backoff = Backoff::new(100, 500);
        let delays: Vec<u64> = (0..5).map(|_| backoff.next(50)).collect();
        assert_eq!(delays[0], 100);
        assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]), "{delays:?}");
        assert!(delays[4] <= 500, "{delays:?}");
        assert!(delays[4] >= 250, "{delays:?}");
    }

    #[test]
    fn jitter_never_leaves_the_upper_half_of_the_step() {
        for jitter in [0, 1, 49, 50, 51, 1000, u32::MAX] {
            let delay = Backoff::new(100, 100).next(jitter);
            assert!((50..=100).contains(&delay), "jitter {jitter} gave {delay}");
        }
    }

    #[test]
    fn different_jitter_gives_different_delays() {
        assert_ne!(Backoff::new(1000, 1000).next(1), Backoff::new(1000, 1000).next(400));
    }

    #[test]
    fn a_connection_that_worked_starts_the_delays_again() {
        let mut backoff = Backoff::new(100, 5000);
        for _ in 0..10 {
            backoff.next(0);
        }
        backoff.reset();
        assert_eq!(backoff.next(0), 50);
    }

    #[test]
    fn a_refusal_waits_for_the_longest_delay() {
        assert!(Backoff::new(100, 5000).longest(7) >= 2500);
    }
}
