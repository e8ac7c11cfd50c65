//! Revisions: CouchDB's ids, computed exactly as CouchDB does, and the ancestry that a branch carries.

mod ancestry;
mod couch;
mod erlang_term;
mod hash;
mod id;

pub use ancestry::{Ancestry, REVISIONS_MAX};
pub use couch::{Attachment, merge_revision, write_revision};
pub use hash::RevisionHash;
pub use id::{Revision, RevisionError};
