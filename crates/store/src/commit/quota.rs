//! Quotas of databases: how many documents and bytes the writes of a node may bring one to. What comes from other datacenters is never refused, so a database can
//! be over its quota; then only what makes it smaller is taken.

use rejoin_document::DatabaseName;

use super::group::{DocumentKey, Group};
use super::staged::Staged;
use crate::error::{CommitError, OverQuota};
use crate::keys::documents;

/// What documents take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub documents: u64,
    pub bytes: u64,
}

impl Usage {
    /// What one takes whose state has so many bytes.
    pub(super) fn of(live: bool, state_bytes: usize) -> Self {
        Self {
            documents: u64::from(live),
            bytes: (documents::AROUND_STATE_BYTES + state_bytes) as u64,
        }
    }
}

impl Staged {
    /// What the document takes now.
    fn usage(&mut self) -> Usage {
        if self.gone || self.now.is_empty() {
            return Usage::default();
        }
        let live = !self.now.is_deleted();
        Usage::of(live, self.encoded().len())
    }

    /// What it takes on the disk.
    fn usage_before(&self) -> Usage {
        self.before.as_ref().map_or_else(Usage::default, |before| Usage {
            documents: u64::from(!before.document.is_empty() && !before.document.is_deleted()),
            bytes: before.bytes as u64,
        })
    }
}

impl Group<'_> {
    /// Keeps the count of the bytes of a database: written in the batch of what it counts.
    pub(super) fn count_bytes(&mut self, name: &DatabaseName, before: usize, after: usize) {
        if let Some(database) = self.state.database_mut(name)
            && let Some(bytes) = &mut database.record.bytes
        {
            *bytes = bytes.saturating_sub(before as u64) + after as u64;
        }
    }

    /// Refuses a write of this node that would bring its database over its quota with `after`. What makes the document no larger, and no new one, is taken.
    pub(super) fn check_quota(&mut self, key: &DocumentKey, after: Usage) -> Result<(), CommitError> {
        let Some(database) = self.state.databases.get(&key.0) else {
            return Ok(());
        };
        let settings = database.definition.settings;
        let deletes = after.documents == 0;
        if deletes || (settings.documents_max == 0 && settings.bytes_max == 0) {
            return Ok(());
        }
        let name = database.definition.name.base();
        let stored = Usage {
            documents: database.record.documents,
            bytes: database.record.bytes.unwrap_or_default(),
        };
        let over = |used, most, what| OverQuota {
            database: name.clone(),
            used,
            most,
            what,
        };
        let before = self.documents.get_mut(key).map(Staged::usage).unwrap_or_default();
        let would = self.with_staged(&key.0, stored);
        let documents = (would.documents + after.documents).saturating_sub(before.documents);
        if settings.documents_max > 0 && after.documents > before.documents && documents > settings.documents_max {
            let (used, most, what) = (would.documents, settings.documents_max, "documents");
            return Err(over(used, most, what).into());
        }
        let bytes = (would.bytes + after.bytes).saturating_sub(before.bytes);
        if settings.bytes_max > 0 && after.bytes > before.bytes && bytes > settings.bytes_max {
            let (used, most, what) = (would.bytes, settings.bytes_max, "bytes");
            return Err(over(used, most, what).into());
        }
        Ok(())
    }

    /// What a database will take with what the group has staged of it so far.
    fn with_staged(&mut self, name: &DatabaseName, stored: Usage) -> Usage {
        let (mut more, mut less) = (stored, Usage::default());
        let of_database = self
            .documents
            .iter_mut()
            .filter(|(key, staged)| key.0 == *name && staged.changed);
        for (_, staged) in of_database {
            let (now, before) = (staged.usage(), staged.usage_before());
            more = Usage {
                documents: more.documents + now.documents,
                bytes: more.bytes + now.bytes,
            };
            less = Usage {
                documents: less.documents + before.documents,
                bytes: less.bytes + before.bytes,
            };
        }
        Usage {
            documents: more.documents.saturating_sub(less.documents),
            bytes: more.bytes.saturating_sub(less.bytes),
        }
    }
}
