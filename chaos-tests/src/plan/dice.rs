//! Seeded randomness: SplitMix64, so that a run repeats exactly, on every machine and with every version of every library.

use crate::workload::Chance;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A stream of its own for one purpose, so that what one part of a run draws changes nothing for another.
    pub fn of(seed: u64, purpose: &str) -> Self {
        let mut dice = Self::new(seed);
        for byte in purpose.bytes() {
            dice.0 = dice.number() ^ u64::from(byte);
        }
        dice
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// A number from `low` to `high`, both inclusive.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index into a list of `length`.
    pub fn index(&mut self, length: usize) -> usize {
        // It is below a usize.
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of a list.
    ///
    /// # Panics
    /// The list is empty.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }
}

impl Chance for Dice {
    fn draw(&mut self) -> u64 {
        self.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_stream_and_each_purpose_its_own() {
        let draw = |mut dice: Dice| (0..8).map(|_| dice.number()).collect::<Vec<_>>();
        assert_eq!(draw(Dice::new(7)), draw(Dice::new(7)));
        assert_ne!(draw(Dice::new(7)), draw(Dice::new(8)));
        assert_ne!(draw(Dice::of(7, "faults")), draw(Dice::of(7, "workload")));
        assert!((0..99).all(|seed| (3..=5).contains(&Dice::new(seed).between(3, 5))));
    }
}
