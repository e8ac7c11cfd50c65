//! The encoding of documents on disk and on the wire: versioned, compact, independent of rules, and safe to decode from untrusted bytes.
//!
//! ```text
//! version, replicas (with the context's times)                    read alone by `decode_context`
//! version 1: heads: dot, revision, past, ancestry, own body       granularity `field`
//!            fields: what differs from the highest live body flattened under its head's dot:
//!                    shapes (sets, counters), dots of the leaves, exceptions by path
//! version 2: nodes: revision, parent, dots, body of the open ones granularity `document`
//! both:      the requests that are remembered, if there are any
//! ```
//!
//! So a document that one write created or wholly replaced is its body and a few bytes, and each later write adds little. Replicas are numbered, times
//! are written as what lacks to the context, and a revision that follows from its parent and body is not written at all.

mod decode_fields;
mod document;
mod dot_runs;
mod encode_fields;
mod error;
mod field_state;
mod heads;
mod paths;
mod reader;
mod requests;
mod shape;
mod table;
mod tree_state;
mod writer;

pub use error::DecodeError;
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
