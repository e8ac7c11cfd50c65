//! The same writes once more.

use serde::{Deserialize, Serialize};

/// What came out when the writes of the run were delivered again, in another order, batching, number and route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Replays of the same writes share a name, and must come to the same.
    pub writes: String,
    /// How they were delivered.
    pub delivery: String,
    /// The digest that came out, in hexadecimal digits.
    pub digest: String,
}
