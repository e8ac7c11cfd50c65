//! Opening indexes and writing to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rejoin_document::{DocumentId, Sequence, parse_stored_value};
use rejoin_store::{Batch, Durability, Engine, Family, KeyRange, Read};

use super::keys::{self, IndexNumber, RowKey};
use super::row::{StoredRow, decode_emitted, encode_emitted};
use super::{IndexError, Position, Scope};
use crate::collate::CollationKey;
use crate::design::{Design, Signature};
use crate::sandbox::Emitted;

const VERSION: u8 = 1;

/// The view indexes of one store. One for each store: its lock keeps writers apart.
pub struct Indexes {
    engine: Arc<dyn Engine>,
    writing: Mutex<()>,
}

/// One index: the rows of all views of one design. It names the rows, it holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    number: IndexNumber,
}

/// The rows that a document has from now on.
#[derive(Debug, Clone)]
pub struct DocumentRows {
    /// The document.
    pub id: DocumentId,
    /// What each view's map function emitted, in the order of the design's views; nothing for a document that is deleted.
    pub rows: Vec<Vec<Emitted>>,
}

impl Index {
    pub(crate) fn number(&self) -> IndexNumber {
        self.number
    }

    /// The sequence up to which every document is in the index. Of a snapshot that is as old as the rows that it shows.
    ///
    /// # Errors
    /// [`IndexError::Gone`]: open the index again.
    pub fn sequence(&self, read: &dyn Read) -> Result<Sequence, IndexError> {
        Position::read(read, self).map(|position| position.sequence)
    }
}

impl Indexes {
    /// The indexes that lie in an engine.
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            writing: Mutex::new(()),
        }
    }

    /// A frozen view of all of them, for queries.
    pub fn snapshot(&self) -> Box<dyn Read + '_> {
        self.engine.snapshot()
    }

    /// The index of a design, if it was opened before and its map functions are still the same. Changes nothing.
    ///
    /// # Errors
    /// [`IndexError`]: it cannot be read.
    pub fn find(&self, read: &dyn Read, scope: &Scope, design: &Design) -> Result<Option<Index>, IndexError> {
        let found = read_design(read, &keys::design(scope, design.name()))?;
        Ok(found
            .filter(|(_, signature)| *signature == design.signature())
            .map(|(number, _)| Index { number }))
    }

    /// The index of a design. A design that has none yet, or another one's, gets a new and empty index; its former one is dropped in the same
    /// batch, and waits to be [swept](Self::sweep).
    ///
    /// # Errors
    /// [`IndexError`]: nothing was changed, or after a failed write nobody knows.
    pub fn open(&self, scope: &Scope, design: &Design) -> Result<Index, IndexError> {
        let _writing = self.lock();
        if let Some(index) = self.find(self.engine.as_ref(), scope, design)? {
            return Ok(index);
        }
        self.start(scope, design)
    }

    /// Starts the index of a design anew, whatever it holds.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reset(&self, scope: &Scope, design: &Design) -> Result<Index, IndexError> {
        let _writing = self.lock();
        self.start(scope, design)
    }

    /// Replaces the rows of documents and moves the index from one sequence to another, in one batch. Of several entries of one document the last
    /// counts. The batch survives the end of the process; a power cut may take it, and the position with it.
    ///
    /// # Errors
    /// [`IndexError::Moved`], [`IndexError::Gone`], [`IndexError::Backwards`]: nothing was changed. Others: as [`Self::open`].
    pub fn apply<'d>(
        &self,
        index: &Index,
        from: Sequence,
        documents: impl IntoIterator<Item = &'d DocumentRows>,
        to: Sequence,
    ) -> Result<(), IndexError> {
        // The last of each document: the batch is built on what lies in the engine, where the others are not.
        let documents = documents.into_iter().map(|document| (&document.id, &document.rows));
        let documents: BTreeMap<&DocumentId, &Vec<Vec<Emitted>>> = documents.collect();
        let _writing = self.lock();
        let mut position = Position::read(self.engine.as_ref(), index)?;
        if position.sequence != from {
            return Err(IndexError::Moved {
                position: position.sequence,
            });
        }
        if to < from {
            return Err(IndexError::Backwards { from, to });
        }
        let mut batch = Batch::new();
        for (id, rows) in documents {
            self.replace(index.number, id, rows, &mut position, &mut batch)?;
        }
        position.sequence = to;
        batch.put(Family::Views, keys::position(index.number), position.encode());
        Ok(self.engine.write(batch, Durability::Buffered)?)
    }

    /// Drops the index of a design, for instance because its document is deleted. That there is none is no error.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn drop_design(&self, scope: &Scope, name: &str) -> Result<(), IndexError> {
        self.drop_designs(KeyRange {
            from: keys::design(scope, name),
            to: Some(keys::design(scope, &format!("{name}\0"))),
        })
    }

    /// Drops all indexes of a database.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn drop_scope(&self, scope: &Scope) -> Result<(), IndexError> {
        self.drop_designs(KeyRange::prefix(&keys::designs(scope)))
    }

    /// The scopes that have indexes, ascending: whoever finds one that no database has drops it. At most `limit`, above `after`.
    ///
    /// # Errors
    /// [`IndexError`]: they cannot be read.
    pub fn scopes(&self, after: Option<&Scope>, limit: usize) -> Result<Vec<Scope>, IndexError> {
        let mut scopes: Vec<Scope> = Vec::new();
        let mut range = keys::all_designs();
        if let Some(after) = after {
            range.from = KeyRange::prefix(&keys::designs(after)).to.unwrap_or(range.from);
        }
        while scopes.len() < limit {
            let Some(entry) = self.engine.scan(Family::Views, range.clone()).next() else {
                break;
            };
            let scope = keys::scope_of(&entry?.0)?;
            range.from = KeyRange::prefix(&keys::designs(&scope)).to.unwrap_or(range.from);
            scopes.push(scope);
        }
        Ok(scopes)
    }

    /// The names of the designs that have indexes in a scope, ascending: whoever finds one whose document is gone drops it. At most `limit`, above
    /// `after`.
    ///
    /// # Errors
    /// [`IndexError`]: they cannot be read.
    pub fn designs(&self, scope: &Scope, after: Option<&str>, limit: usize) -> Result<Vec<String>, IndexError> {
        let mut range = KeyRange::prefix(&keys::designs(scope));
        if let Some(after) = after {
            range.from = keys::design(scope, &format!("{after}\0"));
        }
        let entries = self.engine.scan(Family::Views, range).take(limit);
        entries.map(|entry| keys::name_of(scope, &entry?.0)).collect()
    }

    pub(super) fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    /// A panic elsewhere leaves nothing half done: what is written is a batch.
    pub(super) fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, scope: &Scope, design: &Design) -> Result<Index, IndexError> {
        let key = keys::design(scope, design.name());
        let number = self.next_number()?;
        let mut batch = Batch::new();
        if let Some((former, _)) = read_design(self.engine.as_ref(), &key)? {
            forget(former, &mut batch);
        }
        let next = number.0.checked_add(1).ok_or(IndexError::Exhausted)?;
        batch.put(Family::Views, keys::counter(), versioned(&next.to_be_bytes()));
        batch.put(
            Family::Views,
            keys::position(number),
            Position::start(design.views().len()).encode(),
        );
        let record = [&number.0.to_be_bytes()[..], &design.signature().0].concat();
        batch.put(Family::Views, key, versioned(&record));
        self.engine.write(batch, Durability::Buffered)?;
        Ok(Index { number })
    }

    fn next_number(&self) -> Result<IndexNumber, IndexError> {
        let corrupt = IndexError::Corrupt("the counter of indexes");
        match self.engine.get(Family::Views, &keys::counter())? {
            None => Ok(IndexNumber(0)),
            Some(value) => match value.strip_prefix(&[VERSION]).map(<[u8; 4]>::try_from) {
                Some(Ok(bytes)) => Ok(IndexNumber(u32::from_be_bytes(bytes))),
                _ => Err(corrupt),
            },
        }
    }

    fn replace(
        &self,
        number: IndexNumber,
        id: &DocumentId,
        views: &[Vec<Emitted>],
        position: &mut Position,
        batch: &mut Batch,
    ) -> Result<(), IndexError> {
        let place = keys::emitted(number, id.as_str());
        let former = match self.engine.get(Family::Views, &place)? {
            Some(value) => decode_emitted(&value)?,
            None => Vec::new(),
        };
        let had_rows = !former.is_empty();
        for (view, key) in former {
            count(position, view, |rows| rows.saturating_sub(1));
            // A row that is there again is put again below: of two changes of one key the last counts.
            batch.delete(Family::Views, key);
        }
        let mut emitted = Vec::new();
        for (view, rows) in (0u16..).zip(views) {
            for (emission, row) in (0u32..).zip(rows) {
                // Keys were checked where they were emitted.
                let key = parse_stored_value(row.key.as_bytes()).map_err(|_| IndexError::Corrupt("an emitted key"))?;
                let record = RowKey::view(number, view)
                    .key(&CollationKey::of(&key))
                    .id(id.as_str())
                    .emission(emission)
                    .into_bytes();
                count(position, view, |rows| rows.saturating_add(1));
                batch.put(
                    Family::Views,
                    record.clone(),
                    StoredRow::encode(id.as_str(), &row.key, &row.value),
                );
                emitted.push((view, record));
            }
        }
        if !emitted.is_empty() {
            let rows = emitted.iter().map(|(view, key)| (*view, key.as_slice()));
            batch.put(Family::Views, place, encode_emitted(rows));
        } else if had_rows {
            batch.delete(Family::Views, place);
        }
        Ok(())
    }

    fn drop_designs(&self, range: KeyRange) -> Result<(), IndexError> {
        let _writing = self.lock();
        let mut batch = Batch::new();
        for entry in self.engine.scan(Family::Views, range) {
            let (key, value) = entry?;
            forget(decode_design(&value)?.0, &mut batch);
            batch.delete(Family::Views, key.into_vec());
        }
        if batch.is_empty() {
            return Ok(());
        }
        Ok(self.engine.write(batch, Durability::Buffered)?)
    }
}

/// Readers do not find an index without a position; what else is left of it is swept later.
fn forget(number: IndexNumber, batch: &mut Batch) {
    batch.delete(Family::Views, keys::position(number));
    batch.put(Family::Views, keys::dropped(number), versioned(&[]));
}

fn count(position: &mut Position, view: u16, change: impl Fn(u64) -> u64) {
    if let Some(rows) = position.rows.get_mut(usize::from(view)) {
        *rows = change(*rows);
    }
}

fn versioned(record: &[u8]) -> Vec<u8> {
    [&[VERSION], record].concat()
}

fn read_design(read: &dyn Read, key: &[u8]) -> Result<Option<(IndexNumber, Signature)>, IndexError> {
    read.get(Family::Views, key)?
        .map(|value| decode_design(&value))
        .transpose()
}

fn decode_design(value: &[u8]) -> Result<(IndexNumber, Signature), IndexError> {
    let record = value
        .strip_prefix(&[VERSION])
        .and_then(|record| record.split_first_chunk::<4>());
    let parts = record.and_then(|(number, signature)| Some((number, <[u8; 16]>::try_from(signature).ok()?)));
    let (number, signature) = parts.ok_or(IndexError::Corrupt("a design"))?;
    Ok((IndexNumber(u32::from_be_bytes(*number)), Signature(signature)))
}
