//! The report that a refused write carries, towards the wire.

use rejoin_document::{ConflictReport, Object, PathConflict, Value};

use crate::proto;

impl From<&ConflictReport> for proto::ConflictReport {
    fn from(report: &ConflictReport) -> Self {
        Self {
            conflicts: report.conflicts.iter().map(Into::into).collect(),
            yours: body(report.yours.as_deref()),
            ours: body(report.ours.as_deref()),
            base: body(report.base.as_deref()),
            revision: report.revision.to_string(),
            shortened: false,
        }
    }
}

impl From<&PathConflict> for proto::PathConflict {
    fn from(conflict: &PathConflict) -> Self {
        let text = |value: &Option<Value>| value.as_ref().map(|value| bytes::Bytes::from(value.to_json()));
        Self {
            path: conflict.path.clone(),
            base_value: text(&conflict.base_value),
            our_value: text(&conflict.our_value),
            your_value: text(&conflict.your_value),
        }
    }
}

/// No body is empty text on the wire; no JSON object is.
fn body(body: Option<&Object>) -> bytes::Bytes {
    body.map(|body| body.to_json().into()).unwrap_or_default()
}
