//! Open conflicts.

use rejoin_document::{DatabaseName, DocumentId, Shown};

use super::Page;
use super::access::{Budget, read_document};
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::conflicts;
use crate::store::Store;

/// A document with at least one open conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflicted {
    /// The document.
    pub id: DocumentId,
    /// What it shows, with the conflicts.
    pub shown: Shown,
}

impl Store {
    /// Documents with open conflicts under the rules in force, in ascending order of their ids, after `after`.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn conflicts(
        &self,
        database: &DatabaseName,
        after: Option<&DocumentId>,
        limit: usize,
    ) -> Result<Page<Conflicted>, ReadError> {
        let database = self.database(database)?;
        let prefix = database.number().prefix();
        let range = match after {
            Some(after) => KeyRange::prefix_after(&prefix, &conflicts::key(database.number(), after)),
            None => KeyRange::prefix(&prefix),
        };
        let snapshot = self.engine().snapshot();
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let mut budget = Budget::default();
        for entry in snapshot.scan(Family::Conflicts, range) {
            if page.items.len() >= limit.max(1) || budget.is_spent() {
                return Ok(page);
            }
            let (_, id) = conflicts::decode_key(&entry?.0)?;
            page.next = Some(id.clone());
            // The index says where to look; what is open is decided here, so that new rules hold at once.
            let stored = read_document(snapshot.as_ref(), &database, &id)?;
            budget.spend(stored.as_ref().map_or(0, |stored| stored.bytes));
            let shown = stored.map(|stored| stored.document.shown(database.rules()));
            if let Some(shown) = shown.filter(|shown| !shown.conflicts.is_empty()) {
                page.items.push(Conflicted { id, shown });
            }
        }
        page.next = None;
        Ok(page)
    }
}
