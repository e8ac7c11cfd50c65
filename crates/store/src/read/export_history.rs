//! The superseded revisions of one document, for an export.

use rejoin_document::DocumentId;

use super::history::{KeptRevision, kept};
use crate::engine::{Family, KeyRange, Read};
use crate::error::StoreError;
use crate::keys::DatabaseNumber;
use crate::keys::revisions;

/// Bytes after which the history of a document goes on in the next piece. Exceeded by a single revision only.
const BYTES_MAX: usize = 8 << 20;

/// What is left of a history.
#[derive(Debug, Clone)]
pub(super) struct HistoryLeft(KeyRange);

impl HistoryLeft {
    /// All revisions of a document that are kept.
    pub(super) fn of(number: DatabaseNumber, id: &DocumentId) -> Self {
        Self(revisions::history(number, id))
    }

    /// Those of the revisions that fit into one piece, newest first, and what is left then.
    pub(super) fn piece(mut self, read: &dyn Read) -> Result<(Vec<KeptRevision>, Option<Self>), StoreError> {
        let (mut history, mut bytes) = (Vec::new(), 0);
        for entry in read.scan(Family::Revisions, self.0.clone()) {
            if bytes >= BYTES_MAX {
                return Ok((history, Some(self)));
            }
            let (key, value) = entry?;
            let (revision, read_bytes) = kept(read, &key, &value, true)?;
            bytes += read_bytes;
            history.push(revision);
            self.0.from = key.into_vec();
            self.0.from.push(0); // the least key above the one just read
        }
        Ok((history, None))
    }
}
