//! Reads: of the node state and of the engine. They never enter the pipeline and never wait for a write.
//!
//! The state is taken before the engine is read, so what the state claims is there: knowledge is never more than what a scan sends.

mod access;
mod changes;
mod conflicts;
mod digest;
mod documents;
mod heals;
mod page;
mod quarantine;
mod scan;
mod sessions;
mod status;

pub use changes::{Changes, DocumentChange};
pub use conflicts::{ConflictFilter, Conflicted};
pub use documents::Found;
pub use page::Page;
pub use quarantine::QuarantinedState;
pub use scan::{DatabaseHello, Scan};
pub use sessions::{Lacking, Seen};
pub use status::DatabaseStatus;
