//! The seam below the store: ordered key families with atomic batches, in RocksDB or in memory.
//!
//! Nothing above this module names a storage library. An engine knows bytes only: no databases, no documents, no versions.

mod batch;
#[cfg(test)]
mod conformance;
mod error;
mod family;
mod flipped;
mod leftovers;
mod memory;
mod range;
mod rocks;
mod rocks_options;
mod traits;

pub use batch::{Batch, Change, Mutation};
pub use error::{EngineError, RocksOpenError};
pub use family::Family;
pub use memory::MemoryEngine;
pub use range::KeyRange;
pub use rocks::RocksEngine;
pub use rocks_options::RocksOptions;
pub use traits::{Durability, Engine, Entries, Entry, Read};
