//! The gRPC interface: one file a service. Services parse, call the node and answer; they decide nothing.

mod access_layer;
mod acknowledgement;
mod action;
mod admin;
mod answers;
mod backup;
mod batch;
mod batch_get;
mod call_layer;
mod compact;
mod conflict;
mod database;
mod document;
mod error;
mod export;
mod gate;
mod guarded;
mod history;
mod list;
mod load;
mod membership;
mod page;
mod quarantine;
mod request;
mod resolve;
mod server;
mod session;
mod status;
mod surrogate;
mod sync;
mod verify;
mod waiting;
mod watch;
mod write;

pub(crate) use error::{malformed, untrusted};
pub(crate) use server::GrpcServer;
