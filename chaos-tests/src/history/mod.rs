//! What clients did, recorded outside the nodes: the log that the ledger and the checkers read.

mod edit;
mod entry;
mod json;
mod recorder;
mod rules;
mod stamp;

pub use edit::{Edit, edits};
pub use entry::{Entry, Outcome, Read, Tick, generation};
pub use json::Json;
pub use recorder::{Recorder, read_log};
pub use rules::Rules;
pub use stamp::Stamp;
