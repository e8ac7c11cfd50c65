//! The store of one node: versioned documents, their log, their conflicts and their digest, durable before they are acknowledged.
//!
//! ```text
//!  operations ──> CommitQueue ──> Store::commit ──> Group: check, stamp, join, derive indexes
//!                 (takes what        (one at a            │
//!                  has queued up)     time)               ├──> one batch, one fsync ──> Engine (RocksDB, memory)
//!                                                         └──> one node state, shown to readers once the batch is durable
//!  reads ───────────────────────────────────────────────────> node state + engine; they never wait for a write
//! ```
//!
//! # Architecture invariants
//!
//! - Only `engine::rocks` names the storage library. Only `keys` knows how keys and values look.
//! - Everything that changes goes through [`Store::commit`]: one batch with the change, the time, the documents and every index.
//! - What is acknowledged is on disk; what is shown is acknowledged or about to be. A failed write shows nothing, and the store takes no more.
//! - Memory holds nothing per document.
//! - Time and randomness come in through [`StoreOptions`]; equal inputs give equal batches.
//! - This crate knows nothing of links, clients or protocols: a peer is a name, a state from it is bytes.

mod backup;
mod clock;
mod commit;
mod compaction;
mod engine;
mod error;
mod exchange;
mod keys;
mod latest;
mod open;
mod operation;
mod options;
pub mod planted_panic;
mod queue;
mod queue_options;
mod read;
mod record;
mod restore_error;
mod settings;
mod state;
mod store;
mod subscription;
mod weight;

pub use backup::{BackedUpDatabase, BackupError, BackupFile, BackupManifest, BackupRestoreError, restore_backup};
pub use clock::{PhysicalClock, TIME_MAX, system_clock};
pub use engine::{
    Batch, Change, Durability, Engine, EngineError, Entries, Entry, Family, KeyRange, MemoryEngine, Mutation, Read,
    RocksEngine, RocksOpenError, RocksOptions,
};
pub use error::{CommitError, OpenError, OverQuota, ReadError, StoreError};
pub use exchange::{Applied, Apply, Item, Progress, Watermark};
pub use keys::CorruptRecord;
pub use keys::peers::AddedPeer;
pub use latest::{Follower, Latest};
pub use operation::{
    Action, Choice, Conditions, DatabaseChange, DatabaseDefinition, Identity, Insertion, LocalWrite, OnStale,
    Operation, Outcome, Resolve, Resolved, Restored, Settling, Version, WriteBatch, WriteRequest, Written,
};
pub use options::{Place, StoreOptions, Tuning};
pub use queue::{CommitQueue, Committer};
pub use queue_options::QueueOptions;
pub use read::{
    Changes, ConflictFilter, Conflicted, DatabaseHello, DatabaseStatus, Datacenter, DocumentChange, Export,
    ExportOptions, Exported, Found, History, KeptBody, KeptRevision, Lacking, ListRange, Opened, Page, QuarantineEntry,
    QuarantinedState, Retired, RuleEffect, Scan, Seen, VisibleDatabase, WatchFilter, Watched, WatchedChange,
};
pub use restore_error::RestoreError;
pub use settings::{ChecksumPolicy, ChecksumPolicyError, DatabaseSettings};
pub use store::Store;
pub use subscription::Changed;
