//! A revision that was made elsewhere.

use rejoin_document::Granularity;

use super::group::Group;
use crate::error::CommitError;
use crate::operation::{Insertion, Outcome};

impl Group<'_> {
    pub(super) fn insert(&mut self, insertion: Insertion) -> Result<Outcome, CommitError> {
        let Insertion {
            database: name,
            id,
            history,
            content,
        } = insertion;
        if name.is_system() {
            return Err(CommitError::ReservedDatabase { database: name });
        }
        let database = self.database(&name)?;
        // As a write of its own it would get another name: whoever brought it would bring it again, and count it again.
        if database.definition.granularity == Granularity::Field {
            return Err(CommitError::RevisionsFollow { database: name.base() });
        }
        let (key, current, _) = self.current(&database, &id)?;
        let dot = self.issue()?;
        let Some(committed) = current.insert(&history, &content, dot) else {
            return Ok(Outcome::Inserted(None));
        };
        // Only a delete that ends a branch, and leaves nothing behind, makes the document smaller.
        let before = current.heads().into_iter().filter(|branch| !branch.deleted).count();
        let after = committed.document.heads().into_iter().filter(|branch| !branch.deleted);
        let deletes = content.deleted && content.body.is_empty() && after.count() < before;
        let written = self.place(&key, committed, (dot, deletes))?;
        Ok(Outcome::Inserted(Some(written)))
    }
}
