//! A document as it lies in the family `documents`, decoded.

use rejoin_document::{Document, Sequence};

use crate::engine::Family;
use crate::error::StoreError;
use crate::keys::{CorruptRecord, documents};

/// A stored document with its place in the log.
#[derive(Debug, Clone)]
pub(crate) struct StoredDocument {
    pub sequence: Sequence,
    /// A revision that was superseded at this sequence or before it is no base of a write any more.
    pub bases_after: Sequence,
    pub document: Document,
    /// What it takes on disk.
    pub bytes: usize,
}

impl StoredDocument {
    pub(crate) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let (sequence, state) = documents::decode(value)?;
        let document = Document::decode(state).map_err(|error| CorruptRecord {
            family: Family::Documents,
            detail: error.to_string(),
        })?;
        Ok(Self {
            sequence,
            bases_after: documents::decode_bases_after(value)?,
            document,
            bytes: value.len(),
        })
    }
}
