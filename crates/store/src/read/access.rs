//! What all reads share.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId};

use crate::engine::{Family, Read};
use crate::error::{ReadError, StoreError};
use crate::keys::documents;
use crate::record::StoredDocument;
use crate::state::DatabaseState;
use crate::store::Store;

/// Entries that one call looks at, at most: a list in which almost nothing qualifies must not hold its caller for ever.
pub(super) const EXAMINED_MAX: usize = 10_000;

/// Bytes of documents after which a page ends although more was asked for. Exceeded by a single document only.
pub(super) const BYTES_MAX: usize = 16 << 20;

/// How much of a page was read.
#[derive(Debug, Default)]
pub(super) struct Budget {
    examined: usize,
    bytes: usize,
}

impl Budget {
    /// Whether the page has to end before the next entry.
    pub(super) fn is_spent(&self) -> bool {
        self.examined >= EXAMINED_MAX || self.bytes >= BYTES_MAX
    }

    /// Counts an entry, and a document of so many bytes.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.examined += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Store {
    /// Whether clients see the database.
    pub fn is_readable(&self, name: &DatabaseName) -> bool {
        self.database(name).is_ok()
    }

    /// A database for a client, who does not see one that was deleted unless something survived.
    pub(super) fn database(&self, name: &DatabaseName) -> Result<Arc<DatabaseState>, ReadError> {
        let unknown = || ReadError::UnknownDatabase { database: name.base() };
        Some(self.held(name)?)
            .filter(|database| database.is_readable())
            .ok_or_else(unknown)
    }

    /// A database for the nodes, whatever clients see of it.
    pub(super) fn held(&self, name: &DatabaseName) -> Result<Arc<DatabaseState>, ReadError> {
        let unknown = || ReadError::UnknownDatabase { database: name.clone() };
        self.state().databases.get(name).cloned().ok_or_else(unknown)
    }
}

pub(super) fn read_document(
    read: &dyn Read,
    database: &DatabaseState,
    id: &DocumentId,
) -> Result<Option<StoredDocument>, StoreError> {
    let value = read.get(Family::Documents, &documents::key(database.number(), id))?;
    value.map(|value| StoredDocument::decode(&value)).transpose()
}
