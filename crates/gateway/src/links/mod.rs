//! Links with other datacenters: the drivers that carry out what the machines of `rejoin-sync` decide.
//!
//! ```text
//!   Hub ── one Board a peer: cut? what the peer knows, its status ──┐
//!    │                                                              │
//!   Puller (one task a peer)  ⇄ seam ⇄  Serving (one task a stream) ┘
//!    └── Port: the store as the protocol sees it ───────────────────┘
//! ```
//!
//! Invariants:
//! - No decision of the protocol is made here; a driver only reads, applies, sends, dials and tells the time.
//! - A driver never waits for the network while it holds up its machine: what cannot be sent yet is queued, within a bound.
//! - `select!` is always biased and no map is unordered, so that a simulation gives the same run for the same seed.

mod acknowledged;
mod board;
mod changes;
mod claims;
mod dialler;
mod end;
mod heal;
mod options;
mod outbox;
mod port;
mod port_writes;
mod puller;
mod seam;
mod server;
mod verify;

pub(crate) use board::{Board, Hub, Live, PeerProgress};
pub(crate) use dialler::Dialler;
pub(crate) use end::LinkEnd;
pub(crate) use heal::{decode_heal, encode_heal};
pub(crate) use options::{dial_times, link_options};
pub(crate) use port::Port;
pub(crate) use puller::Puller;
pub(crate) use seam::DialTimes;
pub use seam::{Connection, Incoming, Pending, TcpTransport, Transport};
pub(crate) use server::Serving;
pub(crate) use verify::verify;
