//! Open conflicts, towards the wire.
//!
//! A candidate's dot names a replica; which datacenter that is, only a node knows, so it is added on the way out.

use rejoin_document::{Candidate, CandidateKind, DatacenterName, OpenConflict, ReplicaId};

use crate::proto;

impl proto::Conflict {
    /// The message for `conflict`; `datacenter_of` tells where a replica is, as far as that is known.
    pub fn from_open(conflict: &OpenConflict, datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>) -> Self {
        let candidate =
            |candidate: &Candidate| proto::Candidate::from_candidate(candidate, datacenter_of(candidate.dot.replica));
        Self {
            path: conflict.path.clone(),
            candidates: conflict.candidates.iter().map(candidate).collect(),
        }
    }
}

impl proto::Candidate {
    /// The message for `candidate`, which was written at `datacenter`.
    pub fn from_candidate(candidate: &Candidate, datacenter: Option<DatacenterName>) -> Self {
        let kind = match &candidate.kind {
            CandidateKind::Value(value) => proto::candidate::Kind::Value(value.to_json().into()),
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
