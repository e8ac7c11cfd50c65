//! `_sum`.

use rejoin_document::Value;

use super::ReduceError;
use super::amount::{Amount, check_places};

/// A sum so far: of a number, or of each place of an array once one array was met.
#[derive(Debug, Clone)]
pub(super) enum Sum {
    /// Of numbers only.
    Number(Amount),
    /// Of arrays, and numbers as their first places. As long as the longest.
    Places(Vec<Amount>),
}

impl Sum {
    /// The sum of one value.
    pub(super) fn of(value: &Value) -> Result<Self, ReduceError> {
        check_places(value)?;
        let sum = match value {
            Value::Array(items) => items.iter().map(Amount::of).collect::<Option<_>>().map(Self::Places),
            _ => Amount::of(value).map(Self::Number),
        };
        sum.ok_or_else(|| ReduceError::NotSummable(ReduceError::excerpt(value)))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Self::Number(a.plus(b)),
            (Self::Places(places), Self::Number(number)) | (Self::Number(number), Self::Places(places)) => {
                Self::Places(add(places, &[number]))
            }
            (Self::Places(a), Self::Places(b)) => Self::Places(add(a, &b)),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Number(number) => number.write(out),
            Self::Places(places) => write_list(places, out, |amount, out| amount.write(out)),
        }
    }
}

/// Adds place by place; the shorter counts as filled up with zeros.
fn add(mut places: Vec<Amount>, others: &[Amount]) -> Vec<Amount> {
    places.resize(places.len().max(others.len()), Amount::ZERO);
    for (place, other) in places.iter_mut().zip(others) {
        *place = place.plus(*other);
    }
    places
}

/// Appends a JSON array.
pub(super) fn write_list<T>(items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    out.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}
