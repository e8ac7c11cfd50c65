//! What a view makes of many rows: CouchDB's built-in reduces.
//!
//! A reduction is computed from the rows of a range while it is read; nothing of it is stored. Its memory does not grow with the number of rows.
//! JavaScript reduces are not supported.

mod amount;
mod builtin;
mod error;
mod running;
mod stats;
mod sum;
#[cfg(test)]
mod tests;

pub use builtin::Reduce;
pub use error::{PLACES_MAX, ReduceError, UnknownReduce};
pub use running::Running;
