//! The report of a refused write: both sides of every path that both changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::differences::{differing, value_at};
use crate::{Base, ConflictReport, Object, PathConflict, Refused, Shown, Write};

/// Refuses a write because of these paths; `shown` is what it met.
pub(crate) fn report(paths: impl IntoIterator<Item = String>, write: &Write<'_>, shown: &Shown) -> Refused {
    refused(paths, (write.base, write.body.clone()), shown)
}

fn refused(
    paths: impl IntoIterator<Item = String>,
    (base, yours): (&Base, Option<Arc<Object>>),
    shown: &Shown,
) -> Refused {
    let ours = (!shown.deleted).then(|| Arc::clone(&shown.body));
    let conflict = |path: String| PathConflict {
        base_value: value_at(base.body.as_deref(), &path),
        our_value: value_at(ours.as_deref(), &path),
        your_value: value_at(yours.as_deref(), &path),
        path,
    };
    let paths: BTreeSet<String> = paths.into_iter().collect();
    Refused::Conflict(Box::new(ConflictReport {
        conflicts: paths.into_iter().map(conflict).collect(),
        base: base.body.clone(),
        revision: shown.revision.clone(),
        yours,
        ours,
    }))
}

/// Refuses a write because others wrote since its base was read, whatever they changed: the paths are those that they did.
pub fn stale(base: &Base, yours: Option<Arc<Object>>, shown: &Shown) -> Refused {
    let mut paths = Vec::new();
    match &base.body {
        Some(body) if !shown.deleted => differing(body, &shown.body, &mut String::new(), &mut paths),
        _ => paths.push(String::new()),
    }
    refused(paths, (base, yours), shown)
}
