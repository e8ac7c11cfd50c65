//! The wire interface: protobuf messages, gRPC clients and servers, and their conversions to the document model.
//!
//! Architecture invariants:
//! - The code in [`proto`] is generated at build time from `proto/rejoin/v1` and never edited.
//! - Each conversion between a message and a domain type exists once, here. From the wire it is a `TryFrom` with a
//!   typed error, towards the wire a `From`; round trips are property tests.
//! - Bodies travel as JSON text in `bytes`, never as `google.protobuf.Struct`: numbers keep their text, members their order.
//! - This crate knows nothing of storage, of links or of how an error becomes a status.

mod convert;
mod names;
pub mod page_token;
mod reason;
mod session_token;

/// Messages, clients and servers generated from `proto/rejoin/v1`.
#[allow(missing_docs, rustdoc::all, clippy::all, clippy::pedantic)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/rejoin.v1.rs"));
}

pub use convert::{ConflictRoom, ConvertError, rules_from_proto, rules_to_proto};
pub use names::{CONFLICT_REPORT_TYPE_URL, ERROR_DOMAIN, FILE_DESCRIPTOR_SET};
pub use reason::{Reason, UnknownReason};
pub use session_token::{SESSION_TOKEN_BYTES_MAX, SessionToken, SessionTokenError};
