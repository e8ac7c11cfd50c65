//! The superseded revisions of one document, for an export. This file alone knows here how they are kept.

use rejoin_document::{Base, DocumentId, HlcTime, Revision};

use crate::engine::{Family, KeyRange, Read};
use crate::error::StoreError;
use crate::keys::DatabaseNumber;
use crate::keys::revisions::{self, RevisionKey, RevisionRecord};

/// Bytes after which the history of a document goes on in the next piece. Exceeded by a single revision only.
const BYTES_MAX: usize = 8 << 20;

/// A revision that a document showed before.
#[derive(Debug, Clone, PartialEq)]
pub struct Superseded {
    /// Which.
    pub revision: Revision,
    /// When something else was shown.
    pub superseded: HlcTime,
    /// What its readers had seen.
    pub base: Base,
}

/// What is left of a history.
#[derive(Debug, Clone)]
pub(super) struct HistoryLeft(KeyRange);

impl HistoryLeft {
    /// All revisions of a document that are kept.
    pub(super) fn of(number: DatabaseNumber, id: &DocumentId) -> Self {
        Self(KeyRange::prefix(&revisions::records_of(number, id)))
    }

    /// Those of the revisions that fit into one piece, highest generation first, and what is left then.
    pub(super) fn piece(mut self, read: &dyn Read) -> Result<(Vec<Superseded>, Option<Self>), StoreError> {
        let (mut history, mut bytes) = (Vec::new(), 0);
        for entry in read.scan_back(Family::Revisions, self.0.clone()) {
            if bytes >= BYTES_MAX {
                return Ok((history, Some(self)));
            }
            let (key, value) = entry?;
            bytes += value.len();
            history.push(superseded(&key, &value)?);
            self.0.to = Some(key.into_vec());
        }
        Ok((history, None))
    }
}

fn superseded(key: &[u8], value: &[u8]) -> Result<Superseded, StoreError> {
    let revision = RevisionKey::decode_record(key)?.revision;
    let record = RevisionRecord::decode(revision.clone(), value)?;
    Ok(Superseded {
        revision,
        superseded: record.superseded,
        base: record.base,
    })
}
