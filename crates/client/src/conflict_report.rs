//! What a refused write met.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::Revision;

use crate::malformed::{self, Malformed};

/// What the client changed and what somebody whom it had not seen changed meanwhile. All values are JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictReport {
    /// Every path that both changed.
    pub conflicts: Vec<PathConflict>,
    /// The body that the refused write carried; `None` for a delete.
    pub yours: Option<Bytes>,
    /// The body that is stored; `None` when the document is deleted.
    pub ours: Option<Bytes>,
    /// The body that the refused write was based on; `None` when there was none.
    pub base: Option<Bytes>,
    /// The document's revision now. A write based on it takes everything into account.
    pub revision: Revision,
}

/// One path of a conflict report. `None` means that the member is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathConflict {
    /// JSON pointer (RFC 6901); "" is the whole document.
    pub path: String,
    /// The value that both started from.
    pub base_value: Option<Bytes>,
    /// The value that is stored.
    pub our_value: Option<Bytes>,
    /// The value that the refused write carried.
    pub your_value: Option<Bytes>,
}

impl ConflictReport {
    pub(crate) fn from_proto(report: proto::ConflictReport) -> Result<Self, Malformed> {
        Ok(Self {
            revision: malformed::revision(&report.revision)?,
            conflicts: report.conflicts.into_iter().map(PathConflict::from_proto).collect(),
            yours: body(report.yours),
            ours: body(report.ours),
            base: body(report.base),
        })
    }
}

impl PathConflict {
    fn from_proto(conflict: proto::PathConflict) -> Self {
        let proto::PathConflict {
            path,
            base_value,
            our_value,
            your_value,
        } = conflict;
        Self {
            path,
            base_value,
            our_value,
            your_value,
        }
    }
}

/// No body is empty text on the wire; no JSON object is.
fn body(text: Bytes) -> Option<Bytes> {
    (!text.is_empty()).then_some(text)
}
