//! Reads: of the node state and of the engine. They never enter the pipeline and never wait for a write.
//!
//! The state is taken before the engine is read, so what the state claims is there: knowledge is never more than what a scan sends.

mod access;
mod changes;
mod conflicts;
mod couch;
mod definitions;
mod digest;
mod documents;
mod export;
mod export_history;
mod heals;
mod history;
mod listing;
mod membership;
mod page;
mod preview;
mod quarantine;
mod scan;
mod sessions;
mod status;
mod watch;

pub use changes::{Changes, DocumentChange};
pub use conflicts::{ConflictFilter, Conflicted};
pub use couch::Opened;
pub use definitions::VisibleDatabase;
pub use documents::Found;
pub use export::{Export, ExportOptions, Exported};
pub use history::{History, KeptBody, KeptRevision};
pub use listing::ListRange;
pub use membership::{Datacenter, Retired};
pub use page::Page;
pub use preview::RuleEffect;
pub use quarantine::{QuarantineEntry, QuarantinedState};
pub use scan::{DatabaseHello, Scan};
pub use sessions::{Lacking, Seen};
pub use status::DatabaseStatus;
pub use watch::{WatchFilter, Watched, WatchedChange};
