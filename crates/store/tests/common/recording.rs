//! An engine that records how each batch was written, and fails or panics when it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rejoin_store::{Batch, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, Read};

#[derive(Default)]
pub struct RecordingEngine {
    pub inner: Arc<MemoryEngine>,
    pub written: Mutex<Vec<(Durability, Batch)>>,
    pub fail_writes: AtomicBool,
    pub fail_reads: AtomicBool,
    pub fail_scans: AtomicBool,
    pub panic_on_write: AtomicBool,
}

impl RecordingEngine {
    pub fn batches(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    fn readable(&self) -> Result<(), EngineError> {
        if self.fail_reads.load(Ordering::SeqCst) {
            Err(EngineError::new("read", "planted"))
        } else {
            Ok(())
        }
    }
}

impl Read for RecordingEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.readable()?;
        self.inner.get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.readable()?;
        self.inner.multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        if self.fail_scans.load(Ordering::SeqCst) {
            return Box::new(std::iter::once(Err(EngineError::new("read", "planted"))));
        }
        match self.readable() {
            Ok(()) => self.inner.scan(family, range),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        match self.readable() {
            Ok(()) => self.inner.scan_back(family, range),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
}

impl Engine for RecordingEngine {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.inner.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        assert!(!self.panic_on_write.load(Ordering::SeqCst), "planted");
        if self.fail_writes.load(Ordering::SeqCst) {
            return Err(EngineError::new("write", "planted"));
        }
        self.written.lock().unwrap().push((durability, batch.clone()));
        self.inner.write(batch, durability)
    }
}

/// An engine of a test reads what the one in its field `inner` reads.
macro_rules! reads_through {
    ($engine:ty) => {
        impl rejoin_store::Read for $engine {
            fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
                self.inner.get(family, key)
            }

            fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
                self.inner.multi_get(family, keys)
            }

            fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
                self.inner.scan(family, range)
            }

            fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
                self.inner.scan_back(family, range)
            }
        }
    };
}
pub(crate) use reads_through;
