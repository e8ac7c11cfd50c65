//! Conversions between messages and the document model, one file per kind of thing.
//!
//! Only what both sides read has both directions: a client hands bodies, conflicts and reports on as the JSON text that
//! they are.

mod conflict;
mod database;
mod document;
mod dot;
mod error;
mod report;

pub use conflict::ConflictRoom;
pub use database::{rules_from_proto, rules_to_proto};
pub use error::ConvertError;
