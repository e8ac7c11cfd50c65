//! A revision that was made elsewhere.

use rejoin_document::{Base, OnConflict, Revision};

use super::group::Group;
use super::write::{Intent, PreImage};
use crate::error::{CommitError, StoreError};
use crate::operation::{Insertion, Outcome};

impl Group<'_> {
    pub(super) fn insert(&mut self, insertion: Insertion) -> Result<Outcome, CommitError> {
        let Insertion {
            database: name,
            id,
            history,
            body,
        } = insertion;
        if name.is_system() {
            return Err(CommitError::ReservedDatabase { database: name });
        }
        let database = self.database(&name)?;
        let (key, current, shown) = self.current(&database, &id)?;
        let Some(revision) = history.first() else {
            return Ok(Outcome::Inserted(None));
        };
        if current.knows_revision(revision) || shown.revision.as_ref() == Some(revision) {
            return Ok(Outcome::Inserted(None));
        }
        let dot = self.issue()?;
        if let Some(committed) = current.insert(&history, body.as_ref(), dot) {
            return Ok(Outcome::Inserted(Some(self.place(
                &key,
                committed,
                (dot, body.is_none()),
            )?)));
        }
        let before = PreImage {
            database: &database,
            id: &id,
            current,
            shown,
        };
        let intent = Intent {
            base: self.newest_known(&before, &history[1..])?,
            body,
            on_conflict: OnConflict::Keep,
        };
        let written = self.stamp(&key, &before.current, intent, None)?;
        Ok(Outcome::Inserted(Some(written)))
    }

    /// What the reader of the newest of some revisions had seen that is known here; nothing, if none is.
    fn newest_known(&self, before: &PreImage<'_>, ancestors: &[Revision]) -> Result<Base, StoreError> {
        for ancestor in ancestors {
            if before.shown.revision.as_ref() == Some(ancestor) {
                return Ok(before.shown.clone());
            }
            if let Some(base) = self.superseded(before.database, before.id, ancestor)? {
                return Ok(base);
            }
        }
        Ok(Base::default())
    }
}
