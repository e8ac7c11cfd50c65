//! The report of a refused write: both sides of every path that both changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{ConflictReport, Object, PathConflict, Refused, Shown, Value, Write};

/// Refuses a write because of these paths; `shown` is what it met.
pub(crate) fn report(paths: impl IntoIterator<Item = String>, write: &Write<'_>, shown: &Shown) -> Refused {
    let ours = (!shown.deleted).then(|| Arc::clone(&shown.body));
    let conflict = |path: String| PathConflict {
        base_value: value_at(write.base.body.as_deref(), &path),
        our_value: value_at(ours.as_deref(), &path),
        your_value: value_at(write.body.as_deref(), &path),
        path,
    };
    let paths: BTreeSet<String> = paths.into_iter().collect();
    Refused::Conflict(Box::new(ConflictReport {
        conflicts: paths.into_iter().map(conflict).collect(),
        yours: write.body.clone(),
        base: write.base.body.clone(),
        revision: shown.revision.clone(),
        ours,
    }))
}

fn value_at(body: Option<&Object>, path: &str) -> Option<Value> {
    match path {
        "" => body.map(|body| Value::Object(body.clone())),
        pointer => body?.pointer(pointer).cloned(),
    }
}
