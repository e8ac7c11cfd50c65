//! The messages of the link protocol as they travel: `sync_service.proto` on one side, [`rejoin_sync::Message`] on the other.
//!
//! What comes in is checked completely here: a machine sees well-formed messages only.

mod error;
mod parts;
mod refusal;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use error::WireError;
pub(super) use request::{from_request, to_request};
pub(super) use response::{from_response, to_response};
