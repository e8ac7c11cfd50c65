//! Brings back what a revision showed, or what stood beside it: the body of a new write, which is based on what is current.

use std::sync::Arc;

use rejoin_document::{CandidateKind, Object, Revision, Value, parse_body, value_at};

use super::group::Group;
use super::history::all_candidates;
use super::write::PreImage;
use crate::error::{CommitError, StoreError};
use crate::keys::superseded::RevisionRecord;
use crate::operation::Restored;
use crate::restore_error::RestoreError;

type Body = Option<Arc<Object>>;

impl Group<'_> {
    /// The body that a restored revision, or a part of it, makes of the document; `None` deletes it, where that was set aside.
    pub(super) fn restored(
        &self,
        before: &PreImage<'_>,
        revision: &Revision,
        part: &Restored,
    ) -> Result<Body, CommitError> {
        if before.current.is_empty() {
            return Err(before.not_found());
        }
        let newest = self.find_in(before, revision, |record| Some(record.clone()))?;
        let Some(record) = &newest else {
            let (id, revision) = (before.id.clone(), revision.clone());
            return Err(CommitError::RevisionNotKept { id, revision });
        };
        match part {
            Restored::Whole => whole(record, revision),
            Restored::Shown { path } if path.is_empty() => whole(record, revision),
            Restored::Shown { path } => {
                let shown = value_at(record.base.body.as_deref(), path);
                let not_shown = || RestoreError::NotShown {
                    revision: revision.clone(),
                    path: path.clone(),
                };
                self.placed(before, path, Some(shown.ok_or_else(not_shown)?))
            }
            Restored::SetAside { path, dot } => {
                let candidate = |record: &RevisionRecord| {
                    let conflicts = record.set_aside.iter().filter(|conflict| conflict.path == *path);
                    let mut candidates = conflicts.flat_map(|conflict| &conflict.candidates);
                    candidates.find(|candidate| candidate.dot == *dot).cloned()
                };
                let not_beside = || RestoreError::NotBeside {
                    revision: revision.clone(),
                    path: path.clone(),
                    dot: *dot,
                };
                let found = self.find_in(before, revision, candidate)?.ok_or_else(not_beside)?;
                match &found.kind {
                    CandidateKind::Value(Value::Object(body)) if path.is_empty() => Ok(Some(Arc::new(body.clone()))),
                    CandidateKind::Value(value) => self.placed(before, path, Some(value.clone())),
                    CandidateKind::Removed => self.placed(before, path, None),
                    CandidateKind::Deleted(false) => whole(record, revision),
                    CandidateKind::Deleted(true) if before.exists() => Ok(None),
                    CandidateKind::Deleted(true) => Err(before.not_found()),
                }
            }
        }
    }

    /// Looks through what is kept of a revision: of the current one what is current, of an open branch its body, then its records, newest first.
    fn find_in<T>(
        &self,
        before: &PreImage<'_>,
        revision: &Revision,
        pick: impl Fn(&RevisionRecord) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let branches = before.current.heads();
        let open = branches
            .iter()
            .find(|branch| branch.revision == revision && branch.dot.is_none());
        let mut found = None;
        if before.shown.revision.as_ref() == Some(revision) {
            found = pick(&RevisionRecord {
                base: before.shown.clone(),
                left: Arc::default(),
                set_aside: all_candidates(&before.current, &before.show()),
                left_out: 0,
            });
        } else if let Some(open) = open {
            let mut base = before.shown.clone();
            base.body = (!open.deleted).then(|| Arc::clone(open.body));
            found = pick(&RevisionRecord {
                base,
                left: Arc::default(),
                set_aside: Vec::new(),
                left_out: 0,
            });
        }
        match found {
            Some(found) => Ok(Some(found)),
            None => self.find_record(before.database, before.id, revision, |_, record| pick(record)),
        }
    }

    /// What is current, with one value in its place.
    fn placed(&self, before: &PreImage<'_>, path: &str, value: Option<Value>) -> Result<Body, CommitError> {
        let current = before.shown.body.as_ref().ok_or(RestoreError::DocumentDeleted)?;
        let placed = current.with(path, value).map_err(|problem| RestoreError::Place {
            path: path.to_owned(),
            problem,
        })?;
        let body = parse_body(placed.to_json().as_bytes(), &self.tuning.limits).map_err(RestoreError::Body)?;
        Ok(Some(Arc::new(body)))
    }
}

fn whole(record: &RevisionRecord, revision: &Revision) -> Result<Body, CommitError> {
    let deleted = || RestoreError::Deleted {
        revision: revision.clone(),
    };
    Ok(Some(record.base.body.clone().ok_or_else(deleted)?))
}
