//! Dots and version vectors.

use rejoin_document::{Dot, HlcTime, ReplicaId, VersionVector};

use super::ConvertError;
use crate::proto;

impl From<Dot> for proto::Dot {
    fn from(dot: Dot) -> Self {
        Self {
            time: dot.time.0,
            replica: bytes::Bytes::copy_from_slice(dot.replica.as_bytes()),
        }
    }
}

impl TryFrom<proto::Dot> for Dot {
    type Error = ConvertError;

    fn try_from(dot: proto::Dot) -> Result<Self, Self::Error> {
        let replica = <[u8; 8]>::try_from(dot.replica.as_ref()).map_err(|_| ConvertError::ReplicaLength {
            found: dot.replica.len(),
        })?;
        Ok(Self::new(HlcTime(dot.time), ReplicaId(replica)))
    }
}

impl From<&VersionVector> for proto::VersionVector {
    fn from(vector: &VersionVector) -> Self {
        Self {
            entries: vector
                .iter()
                .map(|(replica, time)| Dot::new(time, replica).into())
                .collect(),
        }
    }
}

impl TryFrom<proto::VersionVector> for VersionVector {
    type Error = ConvertError;

    fn try_from(vector: proto::VersionVector) -> Result<Self, Self::Error> {
        let mut result = Self::default();
        for entry in vector.entries {
            let dot = Dot::try_from(entry)?;
            // An entry that the result covers already is a repetition, or no time at all.
            if result.get(dot.replica) != HlcTime::ZERO || dot.time == HlcTime::ZERO {
                return Err(ConvertError::VectorEntry);
            }
            result.advance(dot);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_dot() -> impl Strategy<Value = Dot> {
        (1..u64::MAX, any::<[u8; 8]>()).prop_map(|(time, replica)| Dot::new(HlcTime(time), ReplicaId(replica)))
    }

    proptest! {
        #[test]
        fn a_dot_survives_the_wire(dot in any_dot()) {
            prop_assert_eq!(Dot::try_from(proto::Dot::from(dot)).unwrap(), dot);
        }

        #[test]
        fn a_version_vector_survives_the_wire(dots in prop::collection::vec(any_dot(), 0..8)) {
            let mut vector = VersionVector::default();
            dots.into_iter().for_each(|dot| vector.advance(dot));
            prop_assert_eq!(VersionVector::try_from(proto::VersionVector::from(&vector)).unwrap(), vector);
        }
    }

    #[test]
    fn a_replica_id_of_another_length_is_refused() {
        let dot = proto::Dot {
            time: 1,
            replica: bytes::Bytes::from_static(b"short"),
        };
        assert!(matches!(
            Dot::try_from(dot),
            Err(ConvertError::ReplicaLength { found: 5 })
        ));
    }

    #[test]
    fn a_vector_that_names_a_replica_twice_is_refused() {
        let dot = proto::Dot {
            time: 1,
            replica: bytes::Bytes::from_static(b"12345678"),
        };
        let vector = proto::VersionVector {
            entries: vec![dot.clone(), dot],
        };
        assert!(matches!(
            VersionVector::try_from(vector),
            Err(ConvertError::VectorEntry)
        ));
    }
}
