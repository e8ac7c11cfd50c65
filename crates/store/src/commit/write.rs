//! A client's write: preconditions on the pre-image, a stamp, and the document model's commit.

use std::sync::Arc;

use rejoin_document::{Base, Document, DocumentId, Granularity, Object, OnConflict, Revision, Write};

use super::group::{DocumentKey, Group};
use crate::error::CommitError;
use crate::operation::{Action, Outcome, WriteRequest, Written};
use crate::state::DatabaseState;

impl Group<'_> {
    pub(super) fn write(&mut self, request: WriteRequest) -> Result<Outcome, CommitError> {
        let WriteRequest {
            database: name,
            id,
            action,
        } = request;
        if name.is_system() {
            return Err(CommitError::ReservedDatabase { database: name });
        }
        let database = self.database(&name)?;
        let (key, current, shown) = self.current(&database, &id)?;
        let (base, body, on_conflict) = self.preconditions(&database, &id, (&current, shown), action)?;
        self.stamp(&key, &current, &base, body, on_conflict)
            .map(Outcome::Written)
    }

    /// Stamps a write that is based on `base` and puts its result in place.
    pub(super) fn stamp(
        &mut self,
        key: &DocumentKey,
        current: &Document,
        base: &Base,
        body: Option<Arc<Object>>,
        on_conflict: OnConflict,
    ) -> Result<Written, CommitError> {
        let database = self.database(&key.0)?;
        let dot = self.issue()?;
        let stamp_all = !self.state.behind.is_empty();
        let write = Write {
            dot,
            base,
            body: body.clone(),
            on_conflict,
            stamp_all,
        };
        let committed = current.commit(&write, database.rules())?;
        let shown = committed.shown;
        let merged = body.is_some_and(|body| shown.deleted || shown.body != body);
        let sequence = self.put(key, committed.document, &shown, true);
        if let Some(database) = self.state.database_mut(&key.0) {
            database.wrote(dot);
        }
        Ok(Written {
            checksum: shown.checksum(),
            revision: shown.revision,
            dot,
            merged,
            sequence,
        })
    }

    /// Checks what the action presumes and finds what its client had read.
    fn preconditions(
        &self,
        database: &DatabaseState,
        id: &DocumentId,
        (current, shown): (&Document, Base),
        action: Action,
    ) -> Result<(Base, Option<Arc<Object>>, OnConflict), CommitError> {
        let exists = !current.is_empty() && !current.is_deleted();
        match action {
            Action::Create { body } => match shown.revision.clone().filter(|_| exists) {
                Some(revision) => Err(CommitError::DocumentExists {
                    id: id.clone(),
                    revision,
                }),
                None => Ok((shown, Some(body), OnConflict::Refuse)),
            },
            Action::Update { body, base: None, .. } => Ok((shown, Some(body), OnConflict::Refuse)),
            Action::Update {
                body,
                base: Some(revision),
                on_conflict,
            } => Ok((
                self.base(database, id, (current, shown), &revision)?,
                Some(body),
                on_conflict,
            )),
            Action::Delete { .. } if !exists => Err(CommitError::DocumentNotFound { id: id.clone() }),
            Action::Delete { base: None } => Ok((shown, None, OnConflict::Refuse)),
            Action::Delete { base: Some(revision) } => Ok((
                self.base(database, id, (current, shown), &revision)?,
                None,
                OnConflict::Refuse,
            )),
        }
    }

    /// What the reader of a revision had seen.
    fn base(
        &self,
        database: &DatabaseState,
        id: &DocumentId,
        (current, shown): (&Document, Base),
        revision: &Revision,
    ) -> Result<Base, CommitError> {
        if shown.revision.as_ref() == Some(revision) {
            return Ok(shown);
        }
        if let Some(base) = branch(current, revision) {
            return Ok(base);
        }
        if let Some(base) = self.superseded(database, id, revision)? {
            return Ok(base);
        }
        let (id, revision) = (id.clone(), revision.clone());
        if current.knows_revision(&revision) {
            Err(CommitError::BaseCompacted { id, revision })
        } else {
            Err(CommitError::BaseUnknown { id, revision })
        }
    }
}

/// In granularity `document` any revision of the tree can be named: the model supersedes it if it is open, and refuses if it is not.
fn branch(current: &Document, revision: &Revision) -> Option<Base> {
    let tree = current.granularity() == Granularity::Document;
    if !tree || !current.knows_revision(revision) {
        return None;
    }
    let open = current
        .heads()
        .into_iter()
        .find(|branch| branch.revision == revision && !branch.deleted);
    let body = open.map(|branch| Arc::clone(branch.body));
    Some(Base {
        revision: Some(revision.clone()),
        context: current.context().clone(),
        body,
    })
}
