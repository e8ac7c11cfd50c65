//! A write, in which way it is sent, and what its author was told.

use bytes::Bytes;
use rejoin_client::{CallError, ConflictReport, Edit, OnConflict, Written};

use crate::history::{Outcome, Stamp, Tick};
use crate::view::Body;

/// What became of a write, as the client was told.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When the write was sent.
    pub asked: Tick,
    /// When the answer came.
    pub at: Tick,
    /// The outcome as it is logged.
    pub outcome: Outcome,
    /// What a refused write met.
    pub report: Option<ConflictReport>,
}

/// In which way a document is written.
#[derive(Clone, Debug)]
pub enum How {
    /// The whole body is sent; one that was absent is created.
    Whole(OnConflict),
    /// Only this merge patch of what was read is sent; one that was absent is created.
    Patch(Body, OnConflict),
    /// One change is sent, under a request id if there is one; the document has to be there.
    Verb(Edit, Option<String>),
}

impl How {
    pub(super) fn request(&self) -> Option<&str> {
        match self {
            Self::Verb(_, request) => request.as_deref(),
            _ => None,
        }
    }

    /// Whether HTTP has a call that does the same.
    pub(super) fn goes_over_http(&self, base: Option<&str>, body: Option<&Bytes>) -> bool {
        match self {
            Self::Whole(on_conflict) => base.is_none() || body.is_none() || *on_conflict == OnConflict::Merge,
            Self::Patch(..) | Self::Verb(..) => false,
        }
    }
}

impl Attempt {
    pub(super) fn without_report(asked: Tick, at: Tick, outcome: Outcome) -> Self {
        Self {
            asked,
            at,
            outcome,
            report: None,
        }
    }

    /// Whether the write was acknowledged.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok { .. })
    }
}

/// What a client may conclude from an answer.
pub(super) fn attempt(asked: Tick, at: Tick, answer: Result<Written, CallError>) -> Attempt {
    let mut report = None;
    let outcome = match answer {
        Ok(Written {
            revision, dot, merged, ..
        }) => Outcome::Ok {
            revision: revision.to_string(),
            stamp: Stamp(dot),
            merged,
        },
        Err(CallError::Refused(refusal)) => {
            report = refusal.conflict;
            Outcome::Refused { reason: refusal.reason }
        }
        Err(CallError::TooLarge(_)) => Outcome::Refused {
            reason: "TOO_LARGE".to_owned(),
        },
        Err(CallError::Unreachable { .. } | CallError::Untrusted { .. }) => Outcome::Refused {
            reason: "NEVER_SENT".to_owned(),
        },
        Err(error @ (CallError::Unknown { .. } | CallError::Protocol { .. })) => Outcome::Unknown {
            problem: error.to_string(),
        },
    };
    Attempt {
        asked,
        at,
        outcome,
        report,
    }
}
