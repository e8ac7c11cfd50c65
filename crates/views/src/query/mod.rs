//! Questions to a view, as CouchDB's clients ask them, and their answers.
//!
//! An answer is read while it is sent: it holds one row at a time, whatever a query asks for. All of it comes from one snapshot.

mod answer;
mod error;
mod groups;
mod parameters;
mod parse;
mod plan;
mod range;
#[cfg(test)]
mod tests;

pub use answer::{Answer, OFFSET_ROWS_MAX, Row, Rows, answer};
pub use error::{QueryError, QueryParseError};
pub use parameters::{KEYS_MAX, Update, ViewQuery};
