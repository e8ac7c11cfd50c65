//! What one reconnect did.

use std::time::SystemTime;

use rejoin_api::proto;

use crate::malformed::Malformed;
use crate::status::time;

/// A heal report: what the operator shows the business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heal {
    /// Counts up from 1 at the node.
    pub id: u64,
    /// The peer's datacenter.
    pub datacenter: String,
    /// When the link broke.
    pub broken: SystemTime,
    /// When it was connected again.
    pub healed: SystemTime,
    /// When the node had everything that the peer had then; `None` while it is catching up.
    pub converged: Option<SystemTime>,
    /// Documents received.
    pub documents_received: u64,
    /// Documents that only the peer had changed.
    pub fast_forwarded: u64,
    /// Documents that both sides had changed.
    pub merged: u64,
    /// Documents that are newly in conflict.
    pub conflicts: u64,
    /// Some of them, as `database/id`; at most 1,000.
    pub conflict_ids: Vec<String>,
    /// Values that were kept beside the shown ones.
    pub siblings_kept: u64,
    /// Documents that could not be applied and were set aside.
    pub quarantined: u64,
    /// Whether the digests were equal once both had caught up; `None` until they were compared.
    pub digests_equal: Option<bool>,
    /// Documents that a comparison of whole states had to mend.
    pub repaired: u64,
}

impl Heal {
    pub(crate) fn from_proto(heal: proto::Heal) -> Result<Self, Malformed> {
        Ok(Self {
            id: heal.id,
            datacenter: heal.datacenter,
            broken: time(heal.broken_unix_ms)?,
            healed: time(heal.healed_unix_ms)?,
            converged: (heal.converged_unix_ms != 0)
                .then(|| time(heal.converged_unix_ms))
                .transpose()?,
            documents_received: heal.documents_received,
            fast_forwarded: heal.fast_forwarded,
            merged: heal.merged,
            conflicts: heal.conflicts,
            conflict_ids: heal.conflict_ids,
            siblings_kept: heal.siblings_kept,
            quarantined: heal.quarantined,
            digests_equal: heal.digests_equal,
            repaired: heal.repaired,
        })
    }
}
