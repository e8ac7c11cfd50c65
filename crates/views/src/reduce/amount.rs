//! Numbers that add up: integers exactly as long as they fit, floats otherwise, as Erlang's are.

use std::cmp::Ordering;

use rejoin_document::{Number, Value};

use super::{PLACES_MAX, ReduceError};

/// A number to calculate with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    /// Exact, within 128 bits.
    Integer(i128),
    /// A 64-bit float: a number with a fraction or an exponent, or what has left the integers' range.
    Float(f64),
}

impl Amount {
    pub(super) const ZERO: Amount = Amount::Integer(0);

    /// The number of a value, if it is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        value.as_number().map(Self::of_number)
    }

    fn of_number(number: &Number) -> Self {
        let text = number.to_text();
        match text.parse() {
            Ok(integer) => Self::Integer(integer),
            // A JSON number always reads as a float; one beyond its range as infinite, which printing takes care of.
            Err(_) => Self::Float(text.parse().unwrap_or(f64::MAX)),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => {
                a.checked_add(b).map_or(Self::Float(a as f64 + b as f64), Self::Integer)
            }
            (a, b) => Self::Float(a.float() + b.float()),
        }
    }

    pub(super) fn squared(self) -> Self {
        match self {
            Self::Integer(a) => a.checked_mul(a).map_or(Self::Float(a as f64 * a as f64), Self::Integer),
            Self::Float(a) => Self::Float(a * a),
        }
    }

    pub(super) fn least(self, other: Self) -> Self {
        if self.compare(other).is_gt() { other } else { self }
    }

    pub(super) fn greatest(self, other: Self) -> Self {
        if self.compare(other).is_lt() { other } else { self }
    }

    /// The JSON text. A sum beyond the range of floats prints as the greatest of them: JSON has no infinity.
    pub(super) fn write(self, out: &mut String) {
        match self {
            Self::Integer(integer) => out.push_str(&integer.to_string()),
            Self::Float(float) => out.push_str(&format!(
                "{:?}",
                if float.is_nan() {
                    0.0
                } else {
                    float.clamp(f64::MIN, f64::MAX)
                }
            )),
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(&b),
            (a, b) => a.float().total_cmp(&b.float()),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

/// Refuses an array that is too long to be reduced place by place.
pub(super) fn check_places(value: &Value) -> Result<(), ReduceError> {
    match value {
        Value::Array(items) if items.len() > PLACES_MAX => Err(ReduceError::TooManyPlaces { places: items.len() }),
        _ => Ok(()),
    }
}
