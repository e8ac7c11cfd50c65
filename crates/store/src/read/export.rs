//! A whole database as of one moment, in bounded pieces.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId, VersionVector};

use super::documents::Found;
use super::export_history::HistoryLeft;
use super::history::KeptRevision;
use crate::engine::{Family, KeyRange, Read};
use crate::error::{ReadError, StoreError};
use crate::keys::documents;
use crate::state::DatabaseState;
use crate::store::Store;

/// Bytes after which a piece ends. Exceeded by a single document only.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// Documents that one piece looks at: reading it is short even if none qualifies.
const PIECE_DOCUMENTS_MAX: usize = 1_000;

/// Stored documents with their ids.
type Values = Vec<(DocumentId, Box<[u8]>)>;

/// What is exported. By default all documents without their history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Only ids that begin with this.
    pub prefix: String,
    /// With the superseded revisions that are kept; deleted documents of which any are kept come too.
    pub history: bool,
}

/// A document with its history, or more of the history of the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The document.
    pub found: Found,
    /// Its superseded revisions, newest first; none unless they were asked for.
    pub history: Vec<KeptRevision>,
    /// Whether this goes on with the history of the document before, which is the same one.
    pub continues: bool,
}

/// An export under way. It holds a snapshot: the disk keeps what is overwritten meanwhile until this is dropped.
pub struct Export<'s> {
    snapshot: Box<dyn Read + 's>,
    database: Arc<DatabaseState>,
    options: ExportOptions,
    /// The documents that are left; `None` once there are none.
    left: Option<KeyRange>,
    /// A document whose history is not finished.
    unfinished: Option<(Found, HistoryLeft)>,
    context: VersionVector,
}

impl Store {
    /// Begins an export of what is there now, in ascending order of the bytes of the ids.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`].
    pub fn export(&self, database: &DatabaseName, options: ExportOptions) -> Result<Export<'_>, ReadError> {
        let database = self.database(database)?;
        let prefix = [&database.number().prefix(), options.prefix.as_bytes()].concat();
        Ok(Export {
            snapshot: self.engine().snapshot(),
            left: Some(KeyRange::prefix(&prefix)),
            database,
            options,
            unfinished: None,
            context: VersionVector::new(),
        })
    }
}

impl Export<'_> {
    /// The next piece: about 1 MiB of documents, perhaps none, or one document with about 8 MiB of its history. `None` at the end.
    ///
    /// # Errors
    /// The disk fails; the export is to be begun anew.
    pub fn next_piece(&mut self) -> Result<Option<Vec<Exported>>, ReadError> {
        if let Some((found, left)) = self.unfinished.take() {
            return Ok(Some(vec![self.with_history(found, left, true)?]));
        }
        let Some(mut left) = self.left.take() else {
            return Ok(None);
        };
        let (values, more) = self.values(&mut left)?;
        let mut piece = Vec::new();
        for (id, value) in values {
            let found = Found::decode(&self.database, id, &value)?;
            self.context.merge(&found.context);
            let history = HistoryLeft::of(self.database.number(), &found.id);
            let exported = self.with_history(found, history, false)?;
            if !exported.found.shown.deleted || !exported.history.is_empty() {
                piece.push(exported);
            }
        }
        self.left = more.then_some(left);
        Ok(Some(piece))
    }

    /// Every write that the documents have incorporated which were met so far, deleted ones too.
    pub fn context(&self) -> &VersionVector {
        &self.context
    }

    /// Some of what is left, which is shortened by it, and whether there may be more.
    fn values(&self, left: &mut KeyRange) -> Result<(Values, bool), StoreError> {
        // With histories, one document at a time: theirs are larger than the documents.
        let documents_max = if self.options.history { 1 } else { PIECE_DOCUMENTS_MAX };
        let (mut values, mut bytes) = (Vec::new(), 0);
        for entry in self.snapshot.scan(Family::Documents, left.clone()) {
            if values.len() >= documents_max || bytes >= PIECE_BYTES_MAX {
                return Ok((values, true));
            }
            let (key, value) = entry?;
            bytes += value.len();
            let (_, id) = documents::decode_key(&key)?;
            left.from = key.into_vec();
            left.from.push(0); // the least key above the one just read
            values.push((id, value));
        }
        Ok((values, false))
    }

    /// Adds those of the revisions that fit into one piece.
    fn with_history(&mut self, found: Found, left: HistoryLeft, continues: bool) -> Result<Exported, StoreError> {
        let mut history = Vec::new();
        if self.options.history {
            let (piece, left) = left.piece(self.snapshot.as_ref())?;
            self.unfinished = left.map(|left| (found.clone(), left));
            history = piece;
        }
        Ok(Exported {
            found,
            history,
            continues,
        })
    }
}
