//! `_stats`.

use rejoin_document::Value;

use super::ReduceError;
use super::amount::{Amount, check_places};
use super::sum::write_list;

/// The statistics so far: of numbers, or of each place of arrays of one length.
#[derive(Debug, Clone)]
pub(super) enum Stats {
    /// Of numbers.
    Number(Measure),
    /// Of arrays.
    Places(Vec<Measure>),
}

/// The statistics of some numbers, one at least.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    sum: Amount,
    count: u64,
    min: Amount,
    max: Amount,
    squares: Amount,
}

impl Stats {
    /// The statistics of one value.
    pub(super) fn of(value: &Value) -> Result<Self, ReduceError> {
        check_places(value)?;
        let stats = match value {
            Value::Array(items) => items.iter().map(Measure::of).collect::<Option<_>>().map(Self::Places),
            _ => Measure::of(value).map(Self::Number),
        };
        stats.ok_or_else(|| ReduceError::NotMeasurable(ReduceError::excerpt(value)))
    }

    pub(super) fn plus(self, other: Self) -> Result<Self, ReduceError> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Ok(Self::Number(a.plus(b))),
            (Self::Places(a), Self::Places(b)) if a.len() == b.len() => {
                Ok(Self::Places(a.into_iter().zip(b).map(|(a, b)| a.plus(b)).collect()))
            }
            _ => Err(ReduceError::Uneven),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Number(measure) => measure.write(out),
            Self::Places(places) => write_list(places, out, Measure::write),
        }
    }
}

impl Measure {
    fn of(value: &Value) -> Option<Self> {
        let amount = Amount::of(value)?;
        Some(Self {
            sum: amount,
            count: 1,
            min: amount,
            max: amount,
            squares: amount.squared(),
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            sum: self.sum.plus(other.sum),
            count: self.count.saturating_add(other.count),
            min: self.min.least(other.min),
            max: self.max.greatest(other.max),
            squares: self.squares.plus(other.squares),
        }
    }

    /// In the order in which CouchDB prints them.
    fn write(&self, out: &mut String) {
        out.push_str("{\"sum\":");
        self.sum.write(out);
        out.push_str(&format!(",\"count\":{},\"min\":", self.count));
        self.min.write(out);
        out.push_str(",\"max\":");
        self.max.write(out);
        out.push_str(",\"sumsqr\":");
        self.squares.write(out);
        out.push('}');
    }
}
