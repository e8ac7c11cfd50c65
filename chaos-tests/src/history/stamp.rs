//! A write's dot as the log keeps it.

use std::fmt;
use std::str::FromStr;

use rejoin_document::Dot;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dot that stands in a log as text, `time/replica`. Ordered by time, then replica.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub Dot);

impl fmt::Debug for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Dot::from_str(&text).map(Self).map_err(serde::de::Error::custom)
    }
}
