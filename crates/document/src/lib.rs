//! The document model of Rejoin: how concurrent writes to a JSON document merge.
//!
//! A document's state is a join-semilattice. Nodes exchange states and join them; whatever the order, the duplication and the route, nodes that have
//! received the same writes hold equal states and show equal documents, and no write disappears without being overwritten by somebody who had seen it,
//! listed as a conflict, or set aside by a rule.
//!
//! # Architecture invariants
//!
//! - No IO, no clock, no randomness, no threads: times and identities come in as arguments. Equal inputs give equal outputs, on every platform.
//! - The join and the encoding take no rules. Rules change only how a body is flattened (commit) and what siblings show (view).
//! - Paths are walked as trees. Text paths exist only in rules, reports and lists of conflicts.
//! - Bytes from disk or wire never cause a panic or an allocation out of proportion; recursion is bounded by [`DEPTH_MAX`].
//! - This crate knows nothing of databases' storage, links, or how clients reach a node.

mod checksum;
mod closed;
mod commit;
mod content_hash;
mod differences;
mod digest;
mod document;
mod dot;
mod dot_map;
mod encoding;
mod field_document;
mod fields;
mod forget;
mod granularity;
mod head;
mod hex;
mod identity;
mod join;
#[cfg(test)]
mod laws;
mod leaf;
mod matrix;
mod names;
mod patch;
#[cfg(debug_assertions)]
pub mod planted;
#[cfg(feature = "planted-bugs")]
pub mod planted_decoder;
mod position;
mod refused;
mod requests;
mod resolution;
mod revision;
mod rules;
mod shown;
mod time;
mod tree;
mod value;
mod version_vector;
mod view;
mod watch_token;
mod write;

pub use checksum::{Checksum, ChecksumError};
pub use commit::{check_counters, stale};
pub use differences::{PathDifference, differences, value_at};
pub use digest::{BUCKETS, ItemHash, SetHash, bucket_of};
pub use document::{Branch, Document, JoinError};
pub use dot::{Dot, DotError};
pub use encoding::DecodeError;
pub use field_document::FieldDocument;
pub use forget::Loss;
pub use granularity::{Granularity, GranularityError};
pub use identity::{ReplicaId, ReplicaIdError};
pub use leaf::{Leaf, RevisionBody};
pub use matrix::Matrix;
pub use names::{
    DATABASE_NAME_BYTES_MAX, DATACENTER_NAME_BYTES_MAX, DOCUMENT_ID_BYTES_MAX, DatabaseName, DatacenterName,
    DocumentId, NameError,
};
pub use patch::{EDITED_ELEMENTS_MAX, Edit, PATCH_OPERATIONS_MAX, Patch, PatchError};
pub use position::{Incarnation, Position, Sequence};
pub use refused::{ConflictReport, PathConflict, Refused, place_in_words};
pub use requests::{REQUEST_WINDOW, REQUESTS_MAX, RequestAnswer, RequestName};
pub use resolution::{Resolution, Settle};
pub use revision::{
    Ancestry, Attachment, REVISIONS_MAX, Revision, RevisionError, RevisionHash, merge_revision, write_revision,
};
pub use rules::{Rule, RuleError, RuleSet};
pub use shown::{Candidate, CandidateKind, OpenConflict, Shown};
pub use time::{HlcTime, TimeGap};
pub use tree::TreeDocument;
pub use value::{
    BodyError, DEPTH_MAX, Limits, Number, Object, PlacingError, Value, parse_body, parse_request, parse_stored_value,
};
pub use version_vector::VersionVector;
pub use watch_token::{WatchToken, WatchTokenError};
pub use write::{Base, Committed, OnConflict, Write};
