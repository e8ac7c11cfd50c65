//! The heal report: what one reconnect did. It is what the operator shows the business.

use rejoin_document::{DatabaseName, DatacenterName, DocumentId};

use crate::Timestamp;

/// Ids of documents newly in conflict that one report lists at most.
pub(crate) const CONFLICT_IDS_MAX: usize = 1000;

/// What applying one batch did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Documents received.
    pub received: u64,
    /// Documents of which the peer's state replaced ours: only the peer had changed them.
    pub fast_forwarded: u64,
    /// Documents that both sides had changed.
    pub merged: u64,
    /// Documents that held nothing new.
    pub unchanged: u64,
    /// Documents that are newly in conflict.
    pub new_conflicts: Vec<DocumentId>,
    /// Values that were kept beside the shown ones.
    pub siblings_kept: u64,
    /// Documents that could not be applied and were set aside.
    pub quarantined: u64,
}

/// What one reconnect did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealReport {
    /// The peer's datacenter.
    pub peer: DatacenterName,
    /// When the link broke; if that was while this node did not run: when it was last known to.
    pub broken: Timestamp,
    /// When it was connected again.
    pub healed: Timestamp,
    /// When this node had everything that the peer had at that time. None: the link broke again before.
    pub converged: Option<Timestamp>,
    /// Documents received until then, those of the system database left out.
    pub documents_received: u64,
    /// Documents of which the peer's state replaced ours: only the peer had changed them.
    pub fast_forwarded: u64,
    /// Documents that both sides had changed.
    pub merged: u64,
    /// Documents that are newly in conflict.
    pub conflicts: u64,
    /// The first 1000 of them.
    pub conflict_ids: Vec<(DatabaseName, DocumentId)>,
    /// Values that were kept beside the shown ones.
    pub siblings_kept: u64,
    /// Documents that could not be applied and were set aside.
    pub quarantined: u64,
    /// Whether the digests were equal once both sides had caught up. None: they could not be compared.
    pub digests_equal: Option<bool>,
    /// Documents that a comparison of whole states had to mend.
    pub repaired: u64,
}

impl HealReport {
    /// An empty report of a link that broke at one time and is connected again.
    pub(crate) fn begin(peer: DatacenterName, broken: Timestamp, healed: Timestamp) -> Self {
        Self {
            peer,
            broken,
            healed,
            converged: None,
            documents_received: 0,
            fast_forwarded: 0,
            merged: 0,
            conflicts: 0,
            conflict_ids: Vec::new(),
            siblings_kept: 0,
            quarantined: 0,
            digests_equal: None,
            repaired: 0,
        }
    }

    /// Adds what one batch did, until the report has converged.
    pub(crate) fn count(&mut self, database: &DatabaseName, counts: &Counts) {
        if self.converged.is_some() || *database == DatabaseName::system() {
            return;
        }
        self.documents_received += counts.received;
        self.fast_forwarded += counts.fast_forwarded;
        self.merged += counts.merged;
        self.siblings_kept += counts.siblings_kept;
        self.quarantined += counts.quarantined;
        self.list_conflicts(database, counts);
    }

    /// Adds the conflicts that a repair has opened.
    pub(crate) fn list_conflicts(&mut self, database: &DatabaseName, counts: &Counts) {
        self.conflicts += counts.new_conflicts.len() as u64;
        let room = CONFLICT_IDS_MAX.saturating_sub(self.conflict_ids.len());
        self.conflict_ids.extend(
            counts
                .new_conflicts
                .iter()
                .take(room)
                .map(|id| (database.clone(), id.clone())),
        );
    }
}
