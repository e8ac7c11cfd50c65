//! The Rust client of a Rejoin node: typed answers, typed errors, deadlines and careful repetition.
//!
//! Architecture invariants:
//! - Bodies are JSON text from end to end: the client neither parses nor formats them, so numbers keep their text and
//!   members their order.
//! - What a caller passes (names, ids, revisions, bodies) is judged by the node alone; the client sends it as it is.
//! - A call is repeated only if repeating it cannot do anything twice, at the next address as well as at the same one. A
//!   write whose answer did not arrive is [`CallError::Unknown`], never a failure.
//! - A client carries its session from call to call and from address to address: no answer is older than a former one.
//! - Nothing here is unbounded: each call has a deadline, each message a size, a load a window in bytes.

mod admin;
mod backup;
mod batch;
mod call;
mod call_options;
mod change_stream;
mod client;
mod compaction;
mod conditions;
mod conflict;
mod conflict_report;
mod credentials;
mod database;
mod databases;
mod dial;
mod document;
mod documents;
mod error;
mod export;
mod heal;
mod history;
mod load;
mod malformed;
mod membership;
mod options;
mod page;
mod quarantine;
mod reads;
mod refused;
mod resolve;
mod route;
mod session;
mod status;
mod told;
mod trace;
mod verbs;
mod verify;
mod version;
mod watch;
mod written;

pub use backup::Backup;
pub use batch::{Batch, BatchOutcome, BatchResult};
pub use bytes::Bytes;
pub use call_options::{Acknowledge, ReadOptions, ReadState, WriteOptions};
pub use change_stream::{Change, ChangeStream, WatchEvent};
pub use client::Client;
pub use compaction::Compacted;
pub use conditions::{Conditions, OnConflict};
pub use conflict::{Candidate, CandidateKind, Conflict, DocumentConflicts};
pub use conflict_report::{ConflictReport, PathConflict};
pub use credentials::{Credentials, InvalidCredentials};
pub use database::{ChecksumPolicy, Database, DatabaseChange, RuleEffect};
pub use dial::{Dialler, Dialling, ReadWrite, Stream};
pub use document::Document;
pub use error::{CallError, InvalidAddress, Refusal, SessionBehind};
pub use export::{Export, ExportStream, Exported, SupersededRevision};
pub use heal::Heal;
pub use history::{Differences, HistoryRevision, PathDifference, RestoredPart};
pub use load::{LoadError, LoadOutcome, LoadOutcomes, LoadSendError, LoadSender};
pub use malformed::Malformed;
pub use membership::{Datacenter, Retirement};
pub use options::ClientOptions;
pub use page::Page;
pub use quarantine::{QuarantinedDocument, Retried};
pub use reads::{Listing, Several};
pub use rejoin_tls::{LoadError as TrustError, Trust};
pub use resolve::{BulkResolved, Choice, ConflictFilter, ConflictedDocument, Policy, Unresolved};
pub use session::Session;
pub use status::{DatabaseStatus, Lag, Link, LinkState, NodeStatus};
pub use verbs::{Edit, Patch};
pub use verify::{VerifiedDatabase, VerifiedPeer};
pub use version::{Compared, Replaced, Version};
pub use watch::{InvalidWatchToken, Watch, WatchFrom, WatchToken};
pub use written::Written;

/// The examples of `docs/client.md` and `docs/security.md`, so that they compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/client.md")]
#[doc = include_str!("../../../docs/security.md")]
pub struct Examples;
