//! What a checker answers.

use std::fmt;

use serde::Serialize;

/// Something in a history that must never be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The checker that found it.
    pub checker: String,
    /// What is wrong, in words, with the names of the document and the datacenters.
    pub what: String,
    /// The places of the events that show it, in ascending order.
    pub events: Vec<usize>,
}

impl Violation {
    /// A violation that `events` show.
    pub fn new(checker: &str, what: impl Into<String>, events: impl IntoIterator<Item = usize>) -> Self {
        let mut events: Vec<usize> = events.into_iter().collect();
        events.sort_unstable();
        events.dedup();
        Self {
            checker: checker.to_owned(),
            what: what.into(),
            events,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} (events {:?})", self.checker, self.what, self.events)
    }
}
