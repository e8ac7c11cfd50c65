//! The requests that a document remembers, so that one that is sent again, here or in another datacenter, is done once.
//!
//! The memory is part of the state and joins like the rest of it: the union of both sides, and of that what is young and new enough. Which that is
//! depends on the union alone, so the join stays idempotent, commutative and associative.

use std::collections::BTreeMap;

use crate::dot_map::DotMap;
use crate::{Checksum, Dot, HlcTime, ReplicaId, Revision, VersionVector};

/// Requests that one document remembers of each replica at most: the newest.
pub const REQUESTS_MAX: usize = 256;

/// How much newer than a request the newest write of its own replica to the document may be for the request to be remembered: 10 minutes.
pub const REQUEST_WINDOW: HlcTime = HlcTime(600 << 32);

/// The name of a request: 128 bits of BLAKE3 over the client's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestName(pub [u8; 16]);

impl RequestName {
    /// The name of one write that was asked for under this text; of a batch, of the write at this place.
    pub fn of(text: &str, place: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&place.to_le_bytes());
        hasher.update(text.as_bytes());
        let mut name = [0; 16];
        name.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(name)
    }
}

/// How a remembered request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAnswer {
    /// The write.
    pub dot: Dot,
    /// The revision that the document showed then.
    pub revision: Revision,
    /// The checksum of the body that it showed then.
    pub checksum: Checksum,
    /// Whether that was something else than the body that was sent, because the base was no longer current.
    pub merged: bool,
}

/// What is remembered of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) name: RequestName,
    pub(crate) revision: Revision,
    pub(crate) checksum: Checksum,
    pub(crate) merged: bool,
}

/// The remembered requests of a document, by the write that did each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Requests {
    pub(crate) by_dot: DotMap<Remembered>,
}

impl Requests {
    pub(crate) const fn new() -> Self {
        Self { by_dot: DotMap::new() }
    }

    /// The first answer to a request.
    pub(crate) fn answer(&self, name: RequestName) -> Option<RequestAnswer> {
        let (dot, request) = self.by_dot.iter().find(|(_, request)| request.name == name)?;
        Some(RequestAnswer {
            dot,
            revision: request.revision.clone(),
            checksum: request.checksum,
            merged: request.merged,
        })
    }

    pub(crate) fn knows(&self, name: RequestName) -> bool {
        self.by_dot.values().any(|request| request.name == name)
    }

    /// What is remembered of both by a state with this context.
    pub(crate) fn join(&self, other: &Self, context: &VersionVector) -> Self {
        let mut joined = self.clone();
        for (dot, request) in other.by_dot.iter() {
            joined.by_dot.insert(dot, request.clone());
        }
        joined.shorten(context);
        joined
    }

    /// Forgets what is too old, or beyond the bound.
    pub(crate) fn shorten(&mut self, context: &VersionVector) {
        let young = |dot: Dot| context.get(dot.replica).0.saturating_sub(dot.time.0) < REQUEST_WINDOW.0;
        self.by_dot.retain(|dot, _| young(dot));
        // Replica by replica, like the age: then whatever is forgotten has only older ones of its replica forgotten before it, in any order of joins.
        let mut times: BTreeMap<ReplicaId, Vec<HlcTime>> = BTreeMap::new();
        for (dot, _) in self.by_dot.iter() {
            times.entry(dot.replica).or_default().push(dot.time);
        }
        times.retain(|_, times| times.len() > REQUESTS_MAX);
        for (replica, times) in times {
            let oldest_kept = times[times.len() - REQUESTS_MAX];
            self.by_dot
                .retain(|dot, _| dot.replica != replica || dot.time >= oldest_kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a state holds that has incorporated these writes, in any order of joins.
    fn requests(writes: &[(u64, u8)]) -> (Requests, VersionVector) {
        let (mut context, mut requests) = (VersionVector::new(), Requests::new());
        for (time, replica) in writes {
            let dot = Dot::new(HlcTime((time + 1) << 32), ReplicaId([*replica; 8]));
            context.advance(dot);
            let remembered = Remembered {
                name: RequestName([*time as u8; 16]),
                revision: "1-1".parse().unwrap(),
                checksum: Checksum(*time),
                merged: false,
            };
            requests.by_dot.insert(dot, remembered);
        }
        requests.shorten(&context);
        (requests, context)
    }

    fn writes() -> impl Strategy<Value = Vec<(u64, u8)>> {
        // Times close together and far apart, so that the bound and the age both have something to forget.
        let times = prop_oneof![3 => 0u64..400, 1 => 0u64..4000];
        prop::collection::vec((times, prop_oneof![4 => Just(0u8), 1 => 1u8..3]), 0..700)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_remembered_depends_on_the_writes_alone(a in writes(), b in writes(), c in writes()) {
            let join = |x: &(Requests, VersionVector), y: &(Requests, VersionVector)| {
                let context = x.1.join(&y.1);
                (x.0.join(&y.0, &context), context)
            };
            let (x, y, z) = (requests(&a), requests(&b), requests(&c));
            prop_assert_eq!(join(&x, &x), x.clone());
            prop_assert_eq!(join(&x, &y), join(&y, &x));
            prop_assert_eq!(join(&join(&x, &y), &z), join(&x, &join(&y, &z)));
            let all: Vec<_> = [a, b, c].concat();
            prop_assert_eq!(join(&join(&x, &y), &z), requests(&all));
        }
    }

    #[test]
    fn the_newest_are_remembered_and_the_old_forgotten() {
        let many: Vec<_> = (0..300).map(|n| (n, 1)).collect();
        let (requests, _) = requests(&many);
        assert_eq!(requests.by_dot.len(), REQUESTS_MAX);
        assert!(requests.knows(RequestName([255; 16])));
        let (requests, _) = super::tests::requests(&[(1, 1), (601, 1), (2, 2)]);
        assert!(
            !requests.knows(RequestName([1; 16])),
            "600 s older than its own replica's newest"
        );
        assert!(
            requests.knows(RequestName([2; 16])),
            "another replica's time plays no part"
        );
    }

    #[test]
    fn each_place_of_a_batch_has_a_name_of_its_own() {
        assert_eq!(RequestName::of("r", 0), RequestName::of("r", 0));
        assert_ne!(RequestName::of("r", 0), RequestName::of("r", 1));
        assert_ne!(RequestName::of("r", 0), RequestName::of("s", 0));
    }
}
