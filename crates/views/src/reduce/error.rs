//! What cannot be reduced.

/// A design document asks for a reduce that does not exist here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a supported reduce function; use `_count`, `_sum` or `_stats`")]
pub struct UnknownReduce(pub String);

/// A value that a reduce cannot take. The group that it belongs to has no value; others do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReduceError {
    /// `_sum` met something else.
    #[error("The _sum function requires that map values be numbers or arrays of numbers, not '{0}'")]
    NotSummable(String),
    /// `_stats` met something else.
    #[error("The _stats function requires that map values be numbers or arrays of numbers, not '{0}'")]
    NotMeasurable(String),
    /// `_stats` met arrays of several lengths, or an array beside a number.
    #[error("The _stats function requires that arrays of numbers have one length")]
    Uneven,
    /// An array is too long to be added up place by place.
    #[error("an array of {places} numbers cannot be reduced, at most {PLACES_MAX} are allowed")]
    TooManyPlaces {
        /// Its length.
        places: usize,
    },
}

/// Most numbers in an array that `_sum` or `_stats` takes: what they keep of a group has so many places.
pub const PLACES_MAX: usize = 10_000;

impl ReduceError {
    /// The start of a value, for an error.
    pub(super) fn excerpt(value: &rejoin_document::Value) -> String {
        const CHARACTERS_MAX: usize = 100;
        value.to_json().chars().take(CHARACTERS_MAX).collect()
    }
}
