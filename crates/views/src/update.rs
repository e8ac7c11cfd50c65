//! Brings an index up to its database.

use std::convert::Infallible;

use rejoin_document::{DocumentId, Sequence};

use crate::design::Design;
use crate::index::{DocumentRows, Index, IndexError, Indexes};
use crate::sandbox::{Emitted, MapError};

/// A change of a document, as the log of its database has it: the last one only.
#[derive(Debug, Clone)]
pub struct ChangedDocument {
    /// Its place in the log.
    pub sequence: Sequence,
    /// The document.
    pub id: DocumentId,
    /// What a map function is given: the document's JSON with `_id`, `_rev` and, where it has any, `_conflicts`. `None` if it is deleted.
    pub document: Option<String>,
}

/// The bounds of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Most documents in a batch (one at least).
    pub batch_documents_max: usize,
    /// A batch is written once its rows have so many bytes of JSON; one document may exceed it.
    pub batch_bytes_max: usize,
    /// Bytes of JSON that the rows of one document may have in all views of the design together. The views have their turn by name: one that has no
    /// room for its rows fails for the document.
    pub document_bytes_max: usize,
    /// Most failures that are told; others are counted.
    pub failures_max: usize,
}

impl Default for UpdateOptions {
    fn default() -> Self {
        Self {
            batch_documents_max: 500,
            batch_bytes_max: 4 << 20,
            document_bytes_max: 8 << 20,
            failures_max: 100,
        }
    }
}

/// A map function failed for a document: the document has no rows in that view until one of them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapFailure {
    /// The document.
    pub id: DocumentId,
    /// The view.
    pub view: String,
    /// Why.
    pub error: MapError,
}

/// What an update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateReport {
    /// Where the index is now.
    pub sequence: Sequence,
    /// Documents that were mapped or removed.
    pub documents: u64,
    /// Rows that they have.
    pub rows: u64,
    /// How often a map function failed.
    pub failed: u64,
    /// The first of these.
    pub failures: Vec<MapFailure>,
}

/// An update broke off. What it wrote before stays, and the next one goes on from there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError<E = Infallible> {
    /// The index cannot be read or written. With [`IndexError::Gone`] open it again.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index is ahead of its database, which must be an older one than it was built from. [Reset](Indexes::reset) the index.
    #[error("the view index is at sequence {}, its database at {} only; build the index anew", index.0, database.0)]
    Ahead {
        /// Where the index is.
        index: Sequence,
        /// Where the database is.
        database: Sequence,
    },
    /// The source does not give its changes in the order of the log, or gives some beyond its end.
    #[error("the changes do not come in the order of their sequences: {} after {}", sequence.0, after.0)]
    OutOfOrder {
        /// The change.
        sequence: Sequence,
        /// The one before it, or the end.
        after: Sequence,
    },
    /// The changes cannot be read.
    #[error("the changes of the database cannot be read")]
    Source(#[source] E),
}

/// Maps the documents that have changed since the index was last brought up, and moves the index to `until`, the sequence of the database when
/// `changes` was opened. `changes` are the last changes of documents, ascending; those that the index has already are passed over. Blocks the
/// thread for as long as mapping and writing take; memory is bounded by a batch. To bring an index up in slices, give some changes and the
/// sequence of the last of them.
///
/// Two updates of one index may run at once: each goes on where the other is. Design documents have no rows, as in CouchDB.
///
/// # Errors
/// [`UpdateError`]: see there what to do.
pub fn update<E>(
    indexes: &Indexes,
    index: &Index,
    design: &Design,
    changes: impl IntoIterator<Item = Result<ChangedDocument, E>>,
    until: Sequence,
    options: &UpdateOptions,
) -> Result<UpdateReport, UpdateError<E>> {
    let at = index.sequence(&*indexes.snapshot())?;
    if at > until {
        return Err(UpdateError::Ahead {
            index: at,
            database: until,
        });
    }
    let mut updating = Updating {
        indexes,
        index,
        at,
        batch: Vec::new(),
        report: UpdateReport::default(),
    };
    let (mut last, mut bytes) = (Sequence(0), 0);
    for change in changes {
        let change = change.map_err(UpdateError::Source)?;
        let sequence = change.sequence;
        if sequence <= last || sequence > until {
            let after = if sequence > until { until } else { last };
            return Err(UpdateError::OutOfOrder { sequence, after });
        }
        last = sequence;
        if sequence <= updating.at {
            continue;
        }
        let rows = updating.report.map(design, &change, options);
        bytes += rows.iter().map(|rows| bytes_of(rows)).sum::<usize>();
        updating.batch.push((sequence, DocumentRows { id: change.id, rows }));
        if updating.batch.len() >= options.batch_documents_max || bytes >= options.batch_bytes_max {
            updating.write(sequence)?;
            bytes = 0;
        }
    }
    updating.write(until)?;
    Ok(UpdateReport {
        sequence: updating.at,
        ..updating.report
    })
}

struct Updating<'a> {
    indexes: &'a Indexes,
    index: &'a Index,
    at: Sequence,
    batch: Vec<(Sequence, DocumentRows)>,
    report: UpdateReport,
}

impl Updating<'_> {
    /// Writes what has come together and moves the index.
    fn write(&mut self, to: Sequence) -> Result<(), IndexError> {
        let mut batch = std::mem::take(&mut self.batch);
        while self.at < to {
            let documents = batch.iter().map(|(_, document)| document);
            match self.indexes.apply(self.index, self.at, documents, to) {
                Ok(()) => self.at = to,
                Err(IndexError::Moved { position }) if position > self.at => {
                    // Somebody else has brought these up, perhaps with a later state: ours must not come over it.
                    batch.retain(|(sequence, _)| *sequence > position);
                    self.at = position;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl UpdateReport {
    /// The rows of a document in each view.
    fn map(&mut self, design: &Design, change: &ChangedDocument, options: &UpdateOptions) -> Vec<Vec<Emitted>> {
        self.documents += 1;
        let Some(document) = change
            .document
            .as_deref()
            .filter(|_| !change.id.as_str().starts_with("_design/"))
        else {
            return Vec::new();
        };
        let mut bytes_left = options.document_bytes_max;
        let views = design
            .views()
            .iter()
            .map(|view| match view.map.map_within(document, bytes_left) {
                Ok(rows) => {
                    bytes_left = bytes_left.saturating_sub(bytes_of(&rows));
                    rows
                }
                Err(error) => {
                    self.failed += 1;
                    if self.failures.len() < options.failures_max {
                        self.failures.push(MapFailure {
                            id: change.id.clone(),
                            view: view.name.clone(),
                            error,
                        });
                    }
                    Vec::new()
                }
            });
        let views: Vec<Vec<Emitted>> = views.collect();
        self.rows += views.iter().map(|rows| rows.len() as u64).sum::<u64>();
        views
    }
}

fn bytes_of(rows: &[Emitted]) -> usize {
    rows.iter().map(|row| row.key.len() + row.value.len()).sum()
}

#[cfg(test)]
mod tests;
