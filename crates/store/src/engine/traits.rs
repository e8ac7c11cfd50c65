//! What the store asks of an engine. The conformance suite beside it says it in tests, which every engine passes.

use std::path::Path;

use super::{Batch, EngineError, Family, KeyRange};

/// A key and its value.
pub type Entry = (Box<[u8]>, Box<[u8]>);

/// Entries of a scan in the order of their keys' bytes.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, EngineError>> + 'a>;

/// How much of a batch must be safe before `write` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The batch and everything written before it survive a power cut.
    Synced,
    /// The batch survives the end of the process; a power cut may take it, with everything written after it.
    Buffered,
}

/// Reads of one state: the engine's newest one, or a snapshot. It may be held for long, by tasks that wait in between.
pub trait Read: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// [`EngineError`] if the engine cannot read; the answer is then unknown, not absent.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// The values of several keys of one family, in the order of the keys.
    ///
    /// # Errors
    /// [`EngineError`] if any of them cannot be read.
    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError>;

    /// The entries of a range in ascending order of their keys, on one consistent state: later writes do not show.
    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_>;

    /// The same entries in descending order of their keys.
    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_>;
}

/// An ordered store of bytes with atomic batches. Reads see the newest written batch.
pub trait Engine: Read {
    /// A frozen view of everything written so far.
    fn snapshot(&self) -> Box<dyn Read + '_>;

    /// Writes a batch: all of it or nothing, and in the order of the calls.
    ///
    /// # Errors
    /// [`EngineError`]: whether the batch will be found after a restart is then unknown. The caller must not write on: it would build on
    /// a state that may change under it. With `no_space` it may try again later, on what it reads then.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError>;

    /// Bytes that are free where the data lie, beyond those that the engine needs to write out what it has in memory; `None` where there is no bound,
    /// or nobody knows.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Begins to write out what is in memory, so that the log of it can go; does not wait for it. Default: nothing is in memory only.
    fn write_out(&self) {}

    /// Gives back the room that removed and replaced entries of a range take. Reads and writes go on meanwhile. Blocks the thread, for as long as
    /// it takes to read and write what lies in the range. Default: there is nothing to give back.
    ///
    /// # Errors
    /// [`EngineError`]: the family is unknown. Nothing is lost.
    fn compact(&self, _family: Family, _range: &KeyRange) -> Result<(), EngineError> {
        Ok(())
    }

    /// Makes a copy of the files at `path`, which must not be there yet: one state, in which everything is that was written before. Writes go on meanwhile.
    /// Default: there are no files.
    ///
    /// # Errors
    /// [`EngineError`]: there is no copy.
    fn checkpoint(&self, _path: &Path) -> Result<(), EngineError> {
        Err(EngineError::new("copy its files", "this engine has none"))
    }

    /// Bytes of the files on disk. Default: 0, there are none.
    ///
    /// # Errors
    /// [`EngineError`]: the directory cannot be read.
    fn bytes_on_disk(&self) -> Result<u64, EngineError> {
        Ok(0)
    }
}
