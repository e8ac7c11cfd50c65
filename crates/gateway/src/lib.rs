//! The node: everything between the pure crates and the world, and the commands of the `rejoin` binary.
//!
//! ```text
//!   clients ──▶ grpc ──▶ node::Commits ──▶ store            other datacenters
//!                 │            ▲                                   ▲
//!                 └── reads ───┼──▶ store ◀── links::Port ◀── links::{Puller, Serving}
//! ```
//!
//! Architecture invariants:
//! - Services and drivers decide nothing: merging is the document model's, durability the store's, the protocol `rejoin-sync`'s.
//! - No service is reached but through `grpc::guarded`, no route of HTTP but through `http::needs`: each says in one table what role a call takes.
//! - What is served and what is dialled goes through `tls`, also on a node without certificates; no service is reached by a caller that is not trusted.
//! - `grpc::error` is the only place that makes statuses; `links::seam` the only one that names TCP.
//! - Every queue, window and wait is bounded; no call of a client waits for another datacenter.
//! - What a simulation runs uses no thread beside its own: reads are synchronous, writes can be committed inline.
//! - Bodies appear in no log and no span.
//! - A panic in a task that the node cannot do without ends the node (`node::vital`); one in a call of a client ends that call (`caught`).

pub mod chaos;
pub mod cli;
pub mod config;

mod access;
mod caught;
mod clock;
mod grpc;
mod http;
mod links;
mod metrics;
mod node;
mod scrape;
mod serve;
mod telemetry;
mod tls;
mod trace;

pub use access::UsersError;
pub use clock::WallClock;
pub use links::{Connection, Incoming, Pending, TcpTransport, Transport};
pub use node::{Disk, Interface, Node, Parts, StartError, TaskEnd, VitalTaskFailed, open_disk};
pub use serve::{serve, start};
pub use tls::{Caller, NodeTls, Standing};
