//! The messages of the link protocol as they travel: `sync_service.proto` on one side, [`rejoin_sync::Message`] on the other.
//!
//! Architecture invariants:
//! - What comes in is checked completely here: a machine sees well-formed messages only.
//! - Each conversion exists once, here. Whatever is read is written again as an equal message.
//! - It is pure: no IO, no store, no driver of a link. So whatever bytes a peer may send can be tried on it alone.

mod error;
mod parts;
mod refusal;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use error::WireError;
pub use request::{from_request, to_request};
pub use response::{from_response, to_response};
