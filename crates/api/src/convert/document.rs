//! Documents and their conflicts as a reader sees them, towards the wire.

use rejoin_document::{DatacenterName, DocumentId, ReplicaId, Shown};

use super::conflict::ConflictRoom;
use crate::proto;

impl proto::Document {
    /// The message for `shown`; `datacenter_of` tells where a replica is, as far as that is known. What does not fit into `room` is left out.
    pub fn from_shown(
        id: &DocumentId,
        shown: &Shown,
        datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>,
        room: &mut ConflictRoom,
    ) -> Self {
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
            conflicts: proto::Conflict::from_open(shown.conflicts.iter(), datacenter_of, room),
        }
    }
}

impl proto::DocumentConflicts {
    /// The message for the open conflicts of `shown`. What does not fit into `room` is left out.
    pub fn from_shown(
        id: &DocumentId,
        shown: &Shown,
        datacenter_of: &dyn Fn(ReplicaId) -> Option<DatacenterName>,
        room: &mut ConflictRoom,
    ) -> Self {
        // Inner ones first, as for the conflicts of a document.
        let both = shown.conflicts.iter().rev().map(|conflict| {
            let mut message = proto::Conflict::within(room, conflict, datacenter_of);
            let value = conflict.shown.as_ref().map(|value| room.text(value));
            message.shown_left_out = value == Some(None);
            (message, value.flatten().unwrap_or_default())
        });
        let (mut conflicts, mut values): (Vec<_>, Vec<_>) = both.unzip();
        conflicts.reverse();
        values.reverse();
        Self {
            id: id.to_string(),
            revision: shown.revision.to_string(),
            conflicts,
            shown: values,
        }
    }
}
