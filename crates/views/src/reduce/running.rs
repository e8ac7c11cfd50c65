//! A reduction on its way through the rows of a group.

use rejoin_document::Value;

use super::stats::Stats;
use super::sum::Sum;
use super::{Reduce, ReduceError};

/// The reduction of the rows so far, one at least.
#[derive(Debug, Clone)]
pub struct Running(State);

#[derive(Debug, Clone)]
enum State {
    Count(u64),
    Sum(Sum),
    Stats(Stats),
}

impl Running {
    /// The reduction of one row's value.
    ///
    /// # Errors
    /// [`ReduceError`]: the reduce cannot take the value.
    pub fn start(reduce: Reduce, value: &Value) -> Result<Self, ReduceError> {
        Ok(Self(match reduce {
            Reduce::Count => State::Count(1),
            Reduce::Sum => State::Sum(Sum::of(value)?),
            Reduce::Stats => State::Stats(Stats::of(value)?),
        }))
    }

    /// The reduction with one more row.
    ///
    /// # Errors
    /// [`ReduceError`]: the reduce cannot take the value, or not beside the former ones.
    pub fn with(self, value: &Value) -> Result<Self, ReduceError> {
        Ok(Self(match self.0 {
            State::Count(count) => State::Count(count.saturating_add(1)),
            State::Sum(sum) => State::Sum(sum.plus(Sum::of(value)?)),
            State::Stats(stats) => State::Stats(stats.plus(Stats::of(value)?)?),
        }))
    }

    /// The reduced value as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        match &self.0 {
            State::Count(count) => out.push_str(&count.to_string()),
            State::Sum(sum) => sum.write(&mut out),
            State::Stats(stats) => stats.write(&mut out),
        }
        out
    }
}
