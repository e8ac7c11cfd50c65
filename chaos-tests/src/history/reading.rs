//! What a client was shown.

use serde::{Deserialize, Serialize};

use super::{Knowledge, Tick};
use crate::view::View;

/// One document as one read of one client showed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The client.
    pub client: String,
    /// The session whose token the read carried; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The datacenter that answered.
    pub datacenter: String,
    /// The document's id.
    pub document: String,
    /// When the read was sent.
    pub asked: Tick,
    /// When the answer came.
    pub at: Tick,
    /// Documents that were read in one call, on one snapshot, share a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<u64>,
    /// What the session's token covered when the read was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<Knowledge>,
    /// What the node knew when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Knowledge>,
    /// Whether the node was taking in the rest of a scan: parts of remote batches may be missing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catching_up: Option<bool>,
    /// What was shown.
    pub answer: Answer,
}

/// What an answer showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The document.
    Document(View),
    /// There is none, or it is deleted.
    Absent,
    /// The node refused, and said why: `SESSION_BEHIND`, `SESSION_LOST`. Or no answer came.
    Failed {
        /// The reason, as in `ErrorInfo`.
        reason: String,
    },
}

impl Reading {
    /// What the node showed, if it answered: `Some(None)` where there is no document.
    pub fn shown(&self) -> Option<Option<&View>> {
        match &self.answer {
            Answer::Document(view) => Some(Some(view)),
            Answer::Absent => Some(None),
            Answer::Failed { .. } => None,
        }
    }
}
