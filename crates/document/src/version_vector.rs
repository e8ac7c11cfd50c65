//! Version vectors: what a state, a reader or a node has incorporated. A replica's times strictly increase, so one time per replica covers all of
//! that replica's writes up to it.

use std::collections::BTreeMap;
use std::fmt;

use crate::encoding::{DecodeError, Reader, Writer};
use crate::{Dot, HlcTime, ReplicaId};

/// For each replica the time up to which all its writes are included. A replica that is missing counts as [`HlcTime::ZERO`], which is never stored.
///
/// Laws: `merge` is the least upper bound and `meet` the greatest lower bound of the order `dominates`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct VersionVector {
    times: BTreeMap<ReplicaId, HlcTime>,
}

impl VersionVector {
    /// The vector that covers nothing.
    pub const fn new() -> Self {
        Self { times: BTreeMap::new() }
    }

    /// The time up to which the replica's writes are covered.
    pub fn get(&self, replica: ReplicaId) -> HlcTime {
        self.times.get(&replica).copied().unwrap_or_default()
    }

    /// Is this write included?
    pub fn covers(&self, dot: Dot) -> bool {
        self.get(dot.replica) >= dot.time
    }

    /// Does this vector include everything that the other includes?
    pub fn dominates(&self, other: &Self) -> bool {
        other.iter().all(|(replica, time)| self.get(replica) >= time)
    }

    /// Includes the write and all earlier ones of its replica.
    pub fn advance(&mut self, dot: Dot) {
        if dot.time > HlcTime::ZERO {
            let time = self.times.entry(dot.replica).or_default();
            *time = dot.time.max(*time);
        }
    }

    /// Includes all that the other includes (the pointwise maximum).
    pub fn merge(&mut self, other: &Self) {
        for (replica, time) in other.iter() {
            self.advance(Dot { time, replica });
        }
    }

    /// The pointwise maximum of both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        joined.merge(other);
        joined
    }

    /// What all the vectors include (the pointwise minimum); of no vectors, nothing.
    #[must_use]
    pub fn meet(vectors: &[&Self]) -> Self {
        let Some((first, rest)) = vectors.split_first() else {
            return Self::new();
        };
        let least =
            |replica: ReplicaId, time: HlcTime| rest.iter().fold(time, |least, vector| least.min(vector.get(replica)));
        first
            .iter()
            .map(|(replica, time)| (replica, least(replica, time)))
            .collect()
    }

    /// The replicas and their times, ascending by replica.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, HlcTime)> + '_ {
        self.times.iter().map(|(replica, time)| (*replica, *time))
    }

    /// How many replicas the vector names.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Does the vector cover nothing?
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The number of replicas as a varint, then 8 bytes of replica and 8 bytes of time (big-endian) for each, ascending.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(1 + 16 * self.len());
        self.write(&mut writer);
        writer.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are anything else, trailing bytes included.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let vector = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(vector)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.length(self.len());
        for (replica, time) in self.iter() {
            writer.bytes(replica.as_bytes());
            writer.fixed_u64(time.0);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.length(16)?;
        let mut vector = Self::new();
        for _ in 0..count {
            let replica = ReplicaId(reader.array()?);
            let time = HlcTime(reader.fixed_u64()?);
            let ascending = vector.times.last_key_value().is_none_or(|(last, _)| *last < replica);
            if time == HlcTime::ZERO || !ascending {
                return Err(DecodeError::Malformed("version vector"));
            }
            vector.times.insert(replica, time);
        }
        Ok(vector)
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.times.iter()).finish()
    }
}

impl FromIterator<(ReplicaId, HlcTime)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, HlcTime)>>(entries: I) -> Self {
        let mut vector = Self::new();
        for (replica, time) in entries {
            vector.advance(Dot { time, replica });
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vectors() -> impl Strategy<Value = VersionVector> {
        proptest::collection::vec((0u8..4, 0u64..6), 0..5).prop_map(|entries| {
            entries
                .into_iter()
                .map(|(replica, time)| (ReplicaId([replica; 8]), HlcTime(time)))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn join_is_the_least_upper_bound_and_meet_the_greatest_lower(a in vectors(), b in vectors(), c in vectors()) {
            let (join, meet) = (a.join(&b), VersionVector::meet(&[&a, &b]));
            prop_assert!(join.dominates(&a) && join.dominates(&b) && a.dominates(&meet) && b.dominates(&meet));
            prop_assert_eq!(c.dominates(&join), c.dominates(&a) && c.dominates(&b));
            prop_assert_eq!(meet.dominates(&c), a.dominates(&c) && b.dominates(&c));
            prop_assert_eq!(a.join(&b), b.join(&a));
        }

        #[test]
        fn a_vector_decodes_to_itself_and_garbage_is_refused(a in vectors(), extra in any::<u8>()) {
            let mut bytes = a.encode();
            prop_assert_eq!(VersionVector::decode(&bytes), Ok(a));
            bytes.push(extra);
            prop_assert!(VersionVector::decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_vector_covers_a_replicas_earlier_writes() {
        let dot = |time| Dot::new(HlcTime(time), ReplicaId([1; 8]));
        let mut vector = VersionVector::new();
        vector.advance(dot(5));
        vector.advance(dot(3));
        assert!(vector.covers(dot(5)) && vector.covers(dot(1)) && !vector.covers(dot(6)));
    }
}
