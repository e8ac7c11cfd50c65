//! Open conflicts, towards the wire.
//!
//! A candidate's dot names a replica; which datacenter that is, only a node knows, so it is added on the way out.

use rejoin_document::{Candidate, CandidateKind, DatacenterName, OpenConflict, ReplicaId, Value};

use crate::proto;

/// Bytes of the values of all conflicts in an answer: beside the bodies of a page they fit into what a client takes.
const CONFLICT_BYTES_MAX: usize = 24 << 20;

/// What is left of the bytes that the values of conflicts may have in one answer, which is at most 24 MiB.
///
/// Where containers are in conflict on many levels, each holds all that is below it, so that a document of a few megabytes could fill hundreds. What
/// does not fit is left out, outer values first.
#[derive(Debug)]
pub struct ConflictRoom(usize);

impl Default for ConflictRoom {
    fn default() -> Self {
        Self(CONFLICT_BYTES_MAX)
    }
}

impl ConflictRoom {
    /// The text of a value, if there is room for it.
    pub(super) fn text(&mut self, value: &Value) -> Option<bytes::Bytes> {
        let text = value.to_json_within(self.0)?;
        self.0 -= text.len();
        Some(text.into())
    }
}

impl proto::Conflict {
    /// The messages for the conflicts of one document; `datacenter_of` tells where a replica is, as far as that is known.
    pub fn from_open<'a>(
        conflicts: impl DoubleEndedIterator<Item = &'a OpenConflict>,
        datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>,
        room: &mut ConflictRoom,
    ) -> Vec<Self> {
        let mut messages: Vec<_> = conflicts
            .rev()
            .map(|conflict| Self::within(room, conflict, datacenter_of))
            .collect();
        messages.reverse();
        messages
    }

    pub(super) fn within(
        room: &mut ConflictRoom,
        conflict: &OpenConflict,
        datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>,
    ) -> Self {
        let candidates = conflict.candidates.iter().map(|candidate| {
            let datacenter = datacenter_of(candidate.dot.replica);
            proto::Candidate::within(room, candidate, datacenter)
        });
        Self {
            path: conflict.path.clone(),
            candidates: candidates.collect(),
            shown_left_out: false,
        }
    }
}

impl proto::Candidate {
    /// The message for `candidate`, which was written at `datacenter`.
    fn within(room: &mut ConflictRoom, candidate: &Candidate, datacenter: Option<DatacenterName>) -> Self {
        let kind = match &candidate.kind {
            CandidateKind::Value(value) => room
                .text(value)
                .map_or(proto::candidate::Kind::LeftOut(true), proto::candidate::Kind::Value),
            CandidateKind::Removed => proto::candidate::Kind::Removed(true),
            CandidateKind::Deleted(deleted) => proto::candidate::Kind::Deleted(*deleted),
        };
        Self {
            kind: Some(kind),
            datacenter: datacenter.map(|name| name.to_string()).unwrap_or_default(),
            dot: Some(candidate.dot.into()),
            revision: candidate.revision.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::{HlcTime, Object, Revision, Shown};

    use super::*;

    /// A conflict on each of `levels` levels, each of which holds all below it.
    fn nested(levels: usize, text: &str) -> Shown {
        let (mut value, mut conflicts) = (Value::from(text), Vec::new());
        for level in (1..=levels).rev() {
            conflicts.insert(
                0,
                OpenConflict {
                    path: "/a".repeat(level),
                    candidates: vec![Candidate {
                        dot: rejoin_document::Dot::new(HlcTime(1), ReplicaId([1; 8])),
                        revision: Revision::none(),
                        kind: CandidateKind::Value(value.clone()),
                    }],
                    shown: Some(value.clone()),
                },
            );
            value = Value::Object(Object::from_iter([("a".into(), value)]));
        }
        Shown {
            revision: Revision::none(),
            deleted: false,
            body: std::sync::Arc::new(Object::from_iter([("a".into(), value)])),
            conflicts,
        }
    }

    fn kinds(conflicts: &[proto::Conflict]) -> Vec<bool> {
        let left_out = |conflict: &proto::Conflict| {
            matches!(conflict.candidates[0].kind, Some(proto::candidate::Kind::LeftOut(true)))
        };
        conflicts.iter().map(left_out).collect()
    }

    #[test]
    fn of_conflicts_inside_of_one_another_the_outer_values_are_left_out_where_the_answer_would_be_too_large() {
        let quarter = "x".repeat(CONFLICT_BYTES_MAX / 4 - 1_000);
        let (large, id) = (nested(7, &quarter), "a".parse().unwrap());
        let document = proto::Document::from_shown(&id, &large, &|_| None, &mut ConflictRoom::default());
        assert_eq!(
            kinds(&document.conflicts),
            [true, true, true, false, false, false, false]
        );
        let mut room = ConflictRoom::default();
        let listed = proto::DocumentConflicts::from_shown(&id, &large, &|_| None, &mut room);
        let whole = listed.shown.iter().map(|value| !value.is_empty());
        assert_eq!(kinds(&listed.conflicts), [true, true, true, true, true, false, false]);
        assert_eq!(
            whole.collect::<Vec<_>>(),
            [false, false, false, false, false, true, true]
        );
        let left_out = listed.conflicts.iter().map(|conflict| conflict.shown_left_out);
        assert_eq!(
            left_out.collect::<Vec<_>>(),
            [true, true, true, true, true, false, false],
            "what is left out is not nothing"
        );
        let paths: Vec<_> = listed.conflicts.iter().map(|conflict| conflict.path.len()).collect();
        assert_eq!(paths, [2, 4, 6, 8, 10, 12, 14], "in their order, all of them");
        let next = proto::Document::from_shown(&id, &large, &|_| None, &mut room);
        assert_eq!(kinds(&next.conflicts), [true; 7], "the room is that of the answer");
        let small = proto::Document::from_shown(&id, &nested(7, "x"), &|_| None, &mut room);
        assert_eq!(kinds(&small.conflicts), [false; 7]);
    }
}
