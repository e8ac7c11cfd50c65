//! Where a workload draws its choices from.

use rand::Rng;
use rand::rngs::StdRng;

/// A stream of random numbers that the caller seeds: the same stream gives the same operations.
pub trait Chance {
    /// Any number.
    fn draw(&mut self) -> u64;

    /// A number below `end`; 0 where `end` is 0.
    fn lot(&mut self, end: u32) -> u32 {
        // It is below a u32.
        u32::try_from(self.draw() % u64::from(end.max(1))).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    fn in_percent(&mut self, percent: u32) -> bool {
        self.lot(100) < percent
    }

    /// One of a list, which is not empty.
    fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.lot(from.len() as u32) as usize]
    }
}

impl Chance for StdRng {
    fn draw(&mut self) -> u64 {
        self.next_u64()
    }
}
