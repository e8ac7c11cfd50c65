//! The names of the built-in reduces.

use std::fmt;
use std::str::FromStr;

use super::UnknownReduce;

/// A built-in reduce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// The number of rows.
    Count,
    /// The sum of the values: numbers, or arrays of numbers place by place (a number counts as the first place).
    Sum,
    /// Sum, number, minimum, maximum and sum of squares of the values: numbers, or arrays of numbers place by place.
    Stats,
}

impl Reduce {
    /// The name in a design document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "_count",
            Self::Sum => "_sum",
            Self::Stats => "_stats",
        }
    }
}

impl FromStr for Reduce {
    type Err = UnknownReduce;

    /// Reads the text of a design document's `reduce`; blanks around it do not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut known = [Self::Count, Self::Sum, Self::Stats].into_iter();
        known
            .find(|reduce| reduce.name() == text.trim())
            .ok_or_else(|| UnknownReduce(text.trim().chars().take(100).collect()))
    }
}

impl fmt::Display for Reduce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
