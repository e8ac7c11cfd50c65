//! What lies between the nodes: how long a message takes from one to another, and whether it comes at all.

use crate::plan::Dice;

/// The way from one node to another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// So many faults have cut it: connections break, and new ones are refused.
    pub(super) cuts: u32,
    /// So many faults hold what is sent on it.
    pub(super) holds: u32,
    /// So many faults swallow what is sent on it.
    pub(super) swallows: u32,
    /// Milliseconds that each message takes at least, beside what all take.
    pub(super) delay_ms: u64,
    /// Milliseconds that a message may take beyond that.
    pub(super) jitter_ms: u64,
    /// Milliseconds for each 1000 bytes.
    pub(super) ms_per_kb: u64,
    /// Batches that are lost, in percent.
    pub(super) lost_percent: u64,
    /// Batches that come twice, in percent.
    pub(super) twice_percent: u64,
    /// Batches that come after the next one, in percent.
    pub(super) swapped_percent: u64,
}

/// All ways. Chance has a stream of its own here, so that a random walk, whose messages take no time, draws nothing.
#[derive(Debug)]
pub(super) struct Air {
    /// By where they come from, then by where they go; what is missing was never changed.
    ways: Vec<Vec<Way>>,
    chance: Option<Dice>,
}

impl Air {
    /// Messages take no time; whoever delivers them decides when.
    pub(super) fn still() -> Self {
        Self {
            ways: Vec::new(),
            chance: None,
        }
    }

    /// Messages take a few milliseconds.
    pub(super) fn moving(seed: u64) -> Self {
        Self {
            chance: Some(Dice::of(seed, "air")),
            ..Self::still()
        }
    }

    /// The way from one node to another.
    pub(super) fn way(&self, from: usize, to: usize) -> Way {
        let way = self.ways.get(from).and_then(|ways| ways.get(to));
        way.copied().unwrap_or_default()
    }

    /// Changes a way.
    pub(super) fn change(&mut self, from: usize, to: usize, change: impl FnOnce(&mut Way)) {
        let rows = self.ways.len().max(from + 1);
        self.ways.resize_with(rows, Vec::new);
        let ways = &mut self.ways[from];
        ways.resize(ways.len().max(to + 1), Way::default());
        change(&mut ways[to]);
    }

    /// Whether a connection can come about between two nodes.
    pub(super) fn connects(&self, a: usize, b: usize) -> bool {
        let open = |way: Way| way.cuts == 0 && way.holds == 0 && way.swallows == 0;
        open(self.way(a, b)) && open(self.way(b, a))
    }

    /// When a message of so many bytes that is sent now arrives, if the one before it arrives at `after_ms`.
    pub(super) fn due_ms(&mut self, from: usize, to: usize, bytes: u64, now_ms: u64, after_ms: u64) -> u64 {
        let way = self.way(from, to);
        let Some(chance) = &mut self.chance else { return now_ms };
        let takes = 1 + chance.below(4) + way.delay_ms + chance.below(way.jitter_ms + 1);
        (now_ms + takes).max(after_ms) + way.ms_per_kb * bytes.div_ceil(1000)
    }

    /// Draws for a way.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        percent > 0 && self.chance.as_mut().is_some_and(|chance| chance.percent(percent))
    }
}
