//! A client's write: preconditions on the pre-image, a stamp, and the document model's commit.

use std::sync::Arc;

use rejoin_document::{
    Base, Checksum, Committed, Document, DocumentId, Dot, Granularity, Object, OnConflict, RequestAnswer, RequestName,
    Revision, Shown, Write, stale,
};

use super::group::{DocumentKey, Group};
use super::quota::Usage;
use crate::error::{CommitError, StoreError};
use crate::operation::{Action, Conditions, OnStale, Outcome, Version, WriteRequest, Written};
use crate::settings::ChecksumPolicy;
use crate::state::DatabaseState;

/// A document before a write.
pub(super) struct PreImage<'a> {
    pub(super) database: &'a DatabaseState,
    pub(super) id: &'a DocumentId,
    pub(super) current: Document,
    /// What a reader of it has read.
    pub(super) shown: Base,
}

/// What a write comes to.
pub(super) struct Intent {
    pub(super) base: Base,
    /// The whole new body; none deletes.
    pub(super) body: Option<Arc<Object>>,
    /// What a delete leaves behind.
    pub(super) tombstone: Option<Arc<Object>>,
    pub(super) on_conflict: OnConflict,
}

impl Group<'_> {
    pub(super) fn write(&mut self, request: WriteRequest) -> Result<Outcome, CommitError> {
        let WriteRequest {
            database: name,
            id,
            action,
            conditions,
            request,
        } = request;
        if name.is_system() {
            return Err(CommitError::ReservedDatabase { database: name });
        }
        // What survived a deletion of the database can still be deleted.
        let database = match &action {
            Action::Delete | Action::DeleteLeaving { .. } | Action::DeleteIf { .. } => self.readable(&name)?,
            _ => self.database(&name)?,
        };
        let (key, current, shown) = self.current(&database, &id)?;
        if let Some(written) = self.repeated(&database, &key, &current, request, &conditions)? {
            return Ok(Outcome::Written(written));
        }
        let before = PreImage {
            database: &database,
            id: &id,
            current,
            shown,
        };
        if let Some(version) = before.unmatched(&action)? {
            return Ok(Outcome::Unmatched(version));
        }
        let previous = conditions.returns_previous.then(|| before.version()).flatten();
        let intent = self.intend(&before, action, conditions)?;
        let mut written = self.stamp(&key, &before.current, intent, request)?;
        written.previous = previous;
        Ok(Outcome::Written(written))
    }

    /// What a request did the first time, if the document remembers it.
    pub(super) fn repeated(
        &self,
        database: &DatabaseState,
        key: &DocumentKey,
        current: &Document,
        request: Option<RequestName>,
        conditions: &Conditions,
    ) -> Result<Option<Written>, StoreError> {
        let Some(answer) = request.and_then(|request| current.answer(request)) else {
            return Ok(None);
        };
        let mut written = self.answered(key, current, answer, &current.shown(database.rules()));
        if conditions.returns_previous {
            written.previous = self.previous_of(database, key, &written)?;
        }
        Ok(Some(written))
    }

    /// Nothing was written: a request was answered before.
    pub(super) fn answered(
        &self,
        key: &DocumentKey,
        current: &Document,
        answer: RequestAnswer,
        shown: &Shown,
    ) -> Written {
        Written {
            conflicts: shown.conflicts.len(),
            made: current.made_by(answer.dot).unwrap_or(&answer.revision).clone(),
            revision: answer.revision,
            dot: answer.dot,
            checksum: answer.checksum,
            merged: answer.merged,
            sequence: self
                .documents
                .get(key)
                .map(|staged| staged.sequence)
                .unwrap_or_default(),
            previous: None,
            repeated: true,
            context: current.context().clone(),
        }
    }

    /// Stamps a write and puts its result in place.
    pub(super) fn stamp(
        &mut self,
        key: &DocumentKey,
        current: &Document,
        intent: Intent,
        request: Option<RequestName>,
    ) -> Result<Written, CommitError> {
        let database = self.held(&key.0)?;
        let dot = self.issue()?;
        let everywhere = self.state.stable(&database, &self.options.peers);
        let write = Write {
            dot,
            base: &intent.base,
            body: intent.body.clone(),
            on_conflict: intent.on_conflict,
            request,
            everywhere: Some(&everywhere),
            tombstone: intent.tombstone.clone(),
        };
        let committed = current.commit(&write, database.rules())?;
        let merged = current.is_merged(&write, &committed.shown);
        let leaves = intent.tombstone.is_some_and(|left| !left.is_empty());
        let deletes = intent.body.is_none() && !leaves;
        let written = self.place(key, committed, (dot, deletes))?;
        Ok(Written { merged, ..written })
    }

    /// Puts what a write of this replica made in place, unless it has become too large to travel.
    pub(super) fn place(
        &mut self,
        key: &DocumentKey,
        committed: Committed,
        (dot, deletes): (Dot, bool),
    ) -> Result<Written, CommitError> {
        let Committed { document, shown } = committed;
        let state = document.encode();
        if !deletes {
            self.bound_document(key, state.len())?;
            self.check_quota(key, Usage::of(!document.is_deleted(), state.len()))?;
        }
        let context = document.context().clone();
        let made = document.made_by(dot).unwrap_or(&shown.revision).clone();
        let sequence = self.put(key, document, &shown, Some(dot));
        if let Some(staged) = self.documents.get_mut(key) {
            staged.keep_encoded(state);
        }
        if let Some(database) = self.state.database_mut(&key.0) {
            database.wrote(dot);
        }
        Ok(Written {
            checksum: shown.checksum(),
            conflicts: shown.conflicts.len(),
            revision: shown.revision,
            made,
            dot,
            merged: false,
            sequence,
            previous: None,
            context,
            repeated: false,
        })
    }

    /// What merges and open branches come to is bounded like a body: what no link carries would never reach another datacenter. A document that is
    /// over the bound already may shrink, and each of its branches can always be deleted. Where not even what it shrinks to travels, only deletes are
    /// taken: peers would be said to hold what they got the head of.
    fn bound_document(&mut self, key: &DocumentKey, bytes: usize) -> Result<(), CommitError> {
        let bytes_max = self.options.document_bytes_max;
        if bytes <= bytes_max {
            return Ok(());
        }
        let before = self.documents.get_mut(key).map_or(0, |staged| staged.encoded().len());
        if bytes < before && bytes <= self.options.state_bytes_max {
            return Ok(());
        }
        let id = key.1.clone();
        Err(CommitError::DocumentTooLarge { id, bytes, bytes_max })
    }

    /// Checks what the client presumes, and finds what it wants and what it had read.
    fn intend(&self, before: &PreImage<'_>, action: Action, conditions: Conditions) -> Result<Intent, CommitError> {
        let base = self.check(before, &action, &conditions)?;
        let tombstone = match &action {
            // Where members merge, it is a delete like any other.
            Action::DeleteLeaving { tombstone } => Some(Arc::clone(tombstone)),
            _ => None,
        };
        let tombstone = tombstone.filter(|_| before.current.granularity() == Granularity::Document);
        let body = match action {
            Action::Create { body } | Action::Update { body } | Action::Swap { body, .. } => Some(body),
            Action::Delete | Action::DeleteLeaving { .. } | Action::DeleteIf { .. } => None,
            Action::Restore { revision, part } => self.restored(before, &revision, &part)?,
            Action::Patch { patch, create } => {
                let empty = Arc::new(Object::new());
                let old = base
                    .body
                    .as_ref()
                    .or(create.then_some(&empty))
                    .ok_or_else(|| before.not_found())?;
                Some(Arc::new(patch.apply(old, &self.tuning.limits)?))
            }
        };
        let current = before.shown.revision == base.revision;
        if conditions.on_stale == OnStale::Reject && !current {
            return Err(stale(&base, body, &before.show()).into());
        }
        let on_conflict = match conditions.on_stale {
            OnStale::Keep => OnConflict::Keep,
            OnStale::Merge | OnStale::Reject => OnConflict::Refuse,
        };
        Ok(Intent {
            base,
            body,
            tombstone,
            on_conflict,
        })
    }

    /// What the client had read, if all that it presumes holds.
    fn check(&self, before: &PreImage<'_>, action: &Action, conditions: &Conditions) -> Result<Base, CommitError> {
        let exists = before.exists();
        match (action, &before.shown.revision) {
            (Action::Create { .. }, Some(revision)) if exists => {
                return Err(CommitError::DocumentExists {
                    id: before.id.clone(),
                    revision: revision.clone(),
                });
            }
            (Action::Delete | Action::DeleteLeaving { .. }, _) if !exists => return Err(before.not_found()),
            _ => {}
        }
        before.check_checksum(action, conditions.checksum)?;
        match &conditions.base {
            Some(_) if before.current.is_empty() => Err(before.not_found()),
            Some(revision) => self.base(before, revision),
            None => Ok(before.shown.clone()),
        }
    }

    /// What the reader of a revision had seen.
    fn base(&self, before: &PreImage<'_>, revision: &Revision) -> Result<Base, CommitError> {
        let PreImage {
            database,
            id,
            current,
            shown,
        } = before;
        if shown.revision.as_ref() == Some(revision) {
            return Ok(shown.clone());
        }
        let kept = || self.superseded(database, id, revision);
        if let Some(mut base) = branch(current, revision) {
            // A closed revision is refused, and the refusal shows what its reader had before them.
            if base.body.is_none() {
                base.body = kept()?.and_then(|kept| kept.body);
            }
            return Ok(base);
        }
        if let Some(base) = kept()? {
            return Ok(base);
        }
        let (id, revision) = ((*id).clone(), revision.clone());
        if current.knows_revision(&revision) {
            Err(CommitError::BaseCompacted { id, revision })
        } else {
            Err(CommitError::BaseUnknown { id, revision })
        }
    }
}

impl PreImage<'_> {
    pub(super) fn exists(&self) -> bool {
        self.shown.body.is_some()
    }

    pub(super) fn not_found(&self) -> CommitError {
        CommitError::DocumentNotFound { id: self.id.clone() }
    }

    pub(super) fn show(&self) -> Shown {
        self.current.shown(self.database.rules())
    }

    fn version(&self) -> Option<Version> {
        Some(Version {
            revision: self.shown.revision.clone()?,
            body: self.shown.body.clone()?,
        })
    }

    /// What a compare-and-swap meets that does not meet what it expects.
    fn unmatched(&self, action: &Action) -> Result<Option<Version>, CommitError> {
        let (Action::Swap { expected, .. } | Action::DeleteIf { expected }) = action else {
            return Ok(None);
        };
        let version = self.version().ok_or_else(|| self.not_found())?;
        Ok(Some(version).filter(|version| version.body != *expected))
    }

    /// A compare-and-swap names the whole body, which says more than its checksum. A document that does not exist has none.
    fn check_checksum(&self, action: &Action, given: Option<Checksum>) -> Result<(), CommitError> {
        let replaces = matches!(
            action,
            Action::Update { .. } | Action::Patch { .. } | Action::Delete | Action::DeleteLeaving { .. }
        );
        match (self.database.definition.settings.checksums, given) {
            (ChecksumPolicy::Ignored, _) | (ChecksumPolicy::Optional, None) => Ok(()),
            (ChecksumPolicy::Required, None) if replaces && self.exists() => {
                Err(CommitError::ChecksumRequired { id: self.id.clone() })
            }
            (ChecksumPolicy::Required, None) => Ok(()),
            (ChecksumPolicy::Optional | ChecksumPolicy::Required, Some(checksum)) => self.has_checksum(checksum),
        }
    }

    fn has_checksum(&self, expected: Checksum) -> Result<(), CommitError> {
        let Version { revision, body } = self.version().ok_or_else(|| self.not_found())?;
        let (id, checksum) = (self.id.clone(), Checksum::of(&body));
        if checksum == expected {
            return Ok(());
        }
        Err(CommitError::ChecksumMismatch { id, revision, checksum })
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
