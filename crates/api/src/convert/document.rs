//! Documents and their conflicts as a reader sees them, towards the wire.

use rejoin_document::{DatacenterName, DocumentId, ReplicaId, Shown};

use crate::proto;

impl proto::Document {
    /// The message for `shown`; `datacenter_of` tells where a replica is, as far as that is known.
    pub fn from_shown(
        id: &DocumentId,
        shown: &Shown,
        datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>,
    ) -> Self {
        let conflict = |conflict| proto::Conflict::from_open(conflict, datacenter_of);
        Self {
            id: id.to_string(),
            revision: shown.revision.to_string(),
            deleted: shown.deleted,
            checksum: shown.checksum().0,
            body: if shown.deleted {
                bytes::Bytes::new()
            } else {
                shown.body.to_json().into()
            },
            conflicts: shown.conflicts.iter().map(conflict).collect(),
        }
    }
}

impl proto::DocumentConflicts {
    /// The message for the open conflicts of `shown`.
    pub fn from_shown(
        id: &DocumentId,
        shown: &Shown,
        datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>,
    ) -> Self {
        let (conflicts, values) = shown
            .conflicts
            .iter()
            .map(|conflict| {
                let value = conflict.shown.as_ref().map(|value| bytes::Bytes::from(value.to_json()));
                (
                    proto::Conflict::from_open(conflict, datacenter_of),
                    value.unwrap_or_default(),
                )
            })
            .unzip();
        Self {
            id: id.to_string(),
            revision: shown.revision.to_string(),
            conflicts,
            shown: values,
        }
    }
}
