//! How long calls took.

use std::time::Duration;

/// The calls of one or several clients.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    /// Reads that were answered.
    pub reads: Vec<Duration>,
    /// Writes that were acknowledged.
    pub writes: Vec<Duration>,
    /// Writes that were refused.
    pub refused: usize,
    /// Calls that got no answer.
    pub failed: usize,
}

impl Timings {
    /// Adds another client's calls.
    pub fn add(&mut self, other: &Self) {
        self.reads.extend(&other.reads);
        self.writes.extend(&other.writes);
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

/// The duration that `share` (0 to 1) of the calls did not exceed, by the nearest rank; zero of none.
pub fn percentile(durations: &[Duration], share: f64) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        let durations: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&durations, 0.5), Duration::from_millis(50));
        assert_eq!(percentile(&durations, 0.99), Duration::from_millis(99));
        assert_eq!(percentile(&durations, 1.0), Duration::from_millis(100));
        assert_eq!(percentile(&durations[..1], 0.5), Duration::from_millis(100));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }
}
