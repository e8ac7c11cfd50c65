//! One database in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use rejoin_document::{DatacenterName, Matrix, Position, RuleSet, Sequence};

use super::Buckets;
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
    /// What others are known to know.
    pub matrix: Matrix,
    /// The digest.
    pub buckets: Buckets,
}

impl DatabaseState {
    /// A database without documents.
    pub(crate) fn new(number: DatabaseNumber, definition: DatabaseDefinition) -> Self {
        let record = DatabaseRecord::new(number, definition.granularity);
        Self {
            definition,
            record,
            positions: BTreeMap::new(),
            matrix: Matrix::new(),
            buckets: Buckets::empty(),
        }
    }

    pub(crate) fn number(&self) -> DatabaseNumber {
        self.record.number
    }

    pub(crate) fn rules(&self) -> &Arc<RuleSet> {
        &self.definition.rules
    }

    /// The sequence number after the newest one. 2^64 changes are never reached.
    pub(crate) fn next_sequence(&mut self) -> Sequence {
        self.record.sequence.0 += 1;
        self.record.sequence
    }
}
