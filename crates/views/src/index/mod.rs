//! The rows of views, in the key family [`Views`](rejoin_store::Family::Views), kept up with their documents.
//!
//! ```text
//!   design document ──signature──> index (a number) ──> position: the sequence up to which every document is in it
//!                                                  ├──> rows: in the order of a query
//!                                                  └──> emitted: which rows a document has, to remove them when it changes
//! ```
//!
//! A batch replaces the rows of its documents and moves the position, together. So whatever a crash takes, an index holds exactly the rows of
//! the documents up to its position: what is lost is derived again from the database. For that reason batches need not be synced.
//!
//! A design whose signature changes gets another number. The old index is gone for readers at once; its remains are swept in bounded steps.

mod error;
mod indexes;
mod keys;
mod position;
mod row;
mod scope;
mod sweep;
#[cfg(test)]
mod tests;

pub use error::IndexError;
pub use indexes::{DocumentRows, Index, Indexes};
pub(crate) use keys::RowKey;
pub(crate) use position::Position;
pub(crate) use row::StoredRow;
pub use scope::{SCOPE_BYTES_MAX, Scope, ScopeError};
