//! One database in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{
    DatacenterName, Dot, HlcTime, Matrix, Position, ReplicaId, Revision, RuleSet, Sequence, TimeGap, VersionVector,
};

use super::{Buckets, Deletions};
use crate::keys::DatabaseNumber;
use crate::keys::databases::DatabaseRecord;
use crate::operation::DatabaseDefinition;

/// What is known of a database beside its documents.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseState {
    /// The definition in force here.
    pub definition: DatabaseDefinition,
    /// What is written to the family `databases`.
    pub record: DatabaseRecord,
    /// How far each peer's log was read.
    pub positions: BTreeMap<DatacenterName, Position>,
    /// Whose logs were read in part: there is more that this node has not.
    pub partial: BTreeSet<DatacenterName>,
    /// What peers have sent that is not in this node's knowledge: they are catching up themselves, and passed on what they had so far.
    pub ahead: BTreeMap<DatacenterName, VersionVector>,
    /// What others are known to know.
    pub matrix: Matrix,
    /// The digest.
    pub buckets: Buckets,
    /// Where this replica wrote nothing, once it has written since the store was opened. Not on disk.
    pub gap: Option<TimeGap>,
    /// The version of the definition: the revision of its document, and what that document has incorporated.
    pub version: (Revision, VersionVector),
    /// The deletions that are known.
    pub deletions: Deletions,
}

/// What clients see of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is served.
    Live,
    /// It was deleted, and its documents are being dropped: to clients it does not exist.
    Purging,
    /// It was deleted, and what its authors had not seen is left: it can be read, and deleted.
    Survivors,
    /// It was deleted, and nothing is left of it.
    Gone,
}

impl DatabaseState {
    /// A database without documents.
    pub(crate) fn new(number: DatabaseNumber, definition: DatabaseDefinition) -> Self {
        let record = DatabaseRecord::new(number, definition.granularity);
        Self {
            definition,
            record,
            positions: BTreeMap::new(),
            partial: BTreeSet::new(),
            ahead: BTreeMap::new(),
            matrix: Matrix::new(),
            buckets: Buckets::empty(),
            gap: None,
            version: (Revision::none(), VersionVector::new()),
            deletions: Deletions::default(),
        }
    }

    /// What clients see of it.
    pub(crate) fn standing(&self) -> Standing {
        if self.deletions.is_empty() {
            Standing::Live
        } else if self.record.purge.is_some() {
            Standing::Purging
        } else if self.record.documents > 0 {
            Standing::Survivors
        } else {
            Standing::Gone
        }
    }

    /// Whether clients can read it.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(self.standing(), Standing::Live | Standing::Survivors)
    }

    pub(crate) fn number(&self) -> DatabaseNumber {
        self.record.number
    }

    pub(crate) fn rules(&self) -> &Arc<RuleSet> {
        &self.definition.rules
    }

    /// Takes in a write of this replica.
    pub(crate) fn wrote(&mut self, dot: Dot) {
        self.gap.get_or_insert(TimeGap {
            after: self.record.knowledge.get(dot.replica),
            before: dot.time,
        });
        self.record.knowledge.advance(dot);
    }

    /// Whether a write of this replica that somebody has is not here: then the disk is older than it looked.
    pub(crate) fn lacks(&self, replica: ReplicaId, time: HlcTime) -> bool {
        #[cfg(debug_assertions)]
        if rejoin_document::planted::is(rejoin_document::planted::Bug::IdentityKept) {
            return false;
        }
        time > self.record.knowledge.get(replica) || self.gap.is_some_and(|gap| gap.contains(time))
    }

    /// The sequence number after the newest one. 2^64 changes are never reached.
    pub(crate) fn next_sequence(&mut self) -> Sequence {
        self.record.sequence.0 += 1;
        self.record.sequence
    }
}
