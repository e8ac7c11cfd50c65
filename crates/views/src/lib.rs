//! Map/reduce views over the documents of a database, as CouchDB has them.
//!
//! ```text
//!  design document ──> Design: map functions that compile, built-in reduces, a signature
//!                         │
//!  changes of a database ─┴─> update: each document through each map function, in the sandbox
//!                                │ batches: rows replaced, position moved, together
//!                                v
//!                        Indexes: rows in the order of CouchDB's collation ──> answer: ranges, groups, reductions, row by row
//! ```
//!
//! # Architecture invariants
//!
//! - Rows are a function of the design and of the documents alone. A map function reaches no clock, no randomness, no network and nothing that
//!   another call left behind; equal documents have equal rows on every node.
//! - An index holds exactly the rows of its documents as they were at its position, whatever a crash took. It is derived: everything in it can be
//!   thrown away and built again.
//! - Everything has a bound: the functions' memory, steps and rows, a batch, a query's keys. An answer of any length takes the memory of one row.
//! - This crate writes to the key family of views and to no other, and only there: a document's rows are nobody else's input.
//! - It knows no HTTP, no database and no revision. Who asks gives it the changes as JSON texts, and prints what it answers.

mod collate;
mod design;
mod index;
mod query;
mod reduce;
mod sandbox;
mod update;

pub use collate::{COLLATION_VERSION, CollationKey};
pub use design::{Design, DesignError, NAME_BYTES_MAX, Signature, VIEWS_MAX, View};
pub use index::{DocumentRows, Index, IndexError, Indexes, SCOPE_BYTES_MAX, Scope, ScopeError};
pub use query::{Answer, KEYS_MAX, OFFSET_ROWS_MAX, QueryError, QueryParseError, Row, Rows, Update, ViewQuery, answer};
pub use reduce::{PLACES_MAX, Reduce, ReduceError, Running, UnknownReduce};
pub use sandbox::{CompileError, Emitted, MapError, MapFunction, Patience, SandboxLimits};
pub use update::{ChangedDocument, MapFailure, UpdateError, UpdateOptions, UpdateReport, update};
