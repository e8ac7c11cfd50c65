//! Version vectors as a history keeps them.

use std::collections::BTreeMap;
use std::fmt;

use rejoin_document::{HlcTime, ReplicaId, VersionVector};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Stamp;

/// A version vector that stands in a log as an object: `{"replica": time}`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Knowledge(pub VersionVector);

impl Knowledge {
    /// Whether it covers a write.
    pub fn covers(&self, stamp: Stamp) -> bool {
        self.0.covers(stamp.0)
    }

    /// The first replica of which `self` knows less than `other`.
    pub fn behind(&self, other: &Self) -> Option<ReplicaId> {
        other
            .0
            .iter()
            .find(|(replica, time)| self.0.get(*replica) < *time)
            .map(|(replica, _)| replica)
    }
}

impl fmt::Debug for Knowledge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.texts()).finish()
    }
}

/// The same text for the same knowledge, so that it can be a key.
impl fmt::Display for Knowledge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (replica, time) in self.0.iter() {
            write!(formatter, "{between}{replica}:{}", time.0)?;
            between = " ";
        }
        Ok(())
    }
}

impl Knowledge {
    /// In ascending order of the replicas, which is that of their names.
    fn texts(&self) -> impl Iterator<Item = (String, u64)> {
        self.0.iter().map(|(replica, time)| (replica.to_string(), time.0))
    }
}

impl Serialize for Knowledge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.texts())
    }
}

impl<'de> Deserialize<'de> for Knowledge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let times = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let parsed = times.into_iter().map(|(replica, time)| {
            let replica: ReplicaId = replica.parse().map_err(serde::de::Error::custom)?;
            Ok((replica, HlcTime(time)))
        });
        Ok(Self(parsed.collect::<Result<_, D::Error>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowledge(times: &[(u8, u64)]) -> Knowledge {
        let times = times.iter();
        Knowledge(
            times
                .map(|(replica, time)| (ReplicaId([*replica; 8]), HlcTime(*time)))
                .collect(),
        )
    }

    #[test]
    fn knowledge_survives_the_log() {
        let known = knowledge(&[(2, u64::MAX), (1, 5)]);
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(
            text,
            r#"{"0101010101010101":5,"0202020202020202":18446744073709551615}"#
        );
        assert_eq!(serde_json::from_str::<Knowledge>(&text).unwrap(), known);
    }

    #[test]
    fn who_is_behind_is_named() {
        let (less, more) = (knowledge(&[(1, 5)]), knowledge(&[(1, 5), (2, 1)]));
        assert_eq!(less.behind(&more), Some(ReplicaId([2; 8])));
        assert_eq!(more.behind(&less), None);
    }
}
