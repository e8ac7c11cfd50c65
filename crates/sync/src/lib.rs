//! The link protocol between datacenters, as two pure state machines: [`Puller`] (one per peer, for as long as the node runs) and
//! [`ServerSession`] (one per incoming stream). Events go in with the time at which they happened, commands come out; the *driver*
//! (the gateway, or a simulator) carries the commands out and answers with further events.
//!
//! ```text
//!            node A (pulls)                                      node B (serves)
//!
//!   Store         Driver        Puller              ServerSession      Driver       Store
//!     |             |             |                       |              |            |
//!     |     timer ->|------------>| Tick                  |              |            |
//!     |             |<------------| Dial                  |              |            |
//!     |<- hello ----|------------>| Connected             |              |            |
//!     |             |<------------| Send(Hello) =========>| Received     |            |
//!     |             |             |                       |------------->| ReadState ->
//!     |             |    Received |<========== Send(Welcome)<------------| StateRead <-
//!     |<- ReadState-|<------------|                       |------------->| Scan ------>
//!     |             |------------>| StateRead             |<-------------| Scanned <---
//!     |             |    Received |<============ Send(Batch)             |            |
//!     |<- Apply ----|<------------|                       |              |            |
//!     |             |------------>| Applied               |              |            |
//!     |             |<------------| Send(Acknowledge) ===>| Received     |            |
//!     |             |             |                       |<-------------| DatabaseChanged
//!     |             |    Received |<===== Batch, Heartbeat, Digest ...   |            |
//!
//!   ---->: an event in, or a command out          ====>: a message on the wire
//! ```
//!
//! # The driver's contract
//!
//! 1. One task owns one machine and feeds it one event at a time; it carries out the commands of an event in their order.
//! 2. Reads (`ReadState`, `ReadDatabases`, `Read…` for digests and documents, `Scan`) are answered before any other event is fed.
//!    Only `Apply` may take its time: its answer carries the ticket of the command. At most one is under way per link.
//! 3. `Tick` comes at least every [`TICK_MS_MAX`] milliseconds with the node's current hybrid logical clock time.
//! 4. After `Dial` comes `Connected` (with what the store knows at that moment and a fresh random nonce) or `Disconnected`. After
//!    `Disconnect`, or when the transport breaks, comes exactly one `Disconnected`. A new `ServerSession` is made for each incoming
//!    stream and thrown away with it.
//! 5. Whenever the store reports a change (local or applied, also one of knowledge or matrix alone), each server session gets
//!    `DatabaseChanged`; when the system database changed, each puller gets `Databases`.
//! 6. A puller's `PeerKnows` goes as `PeerAdvanced` to the server sessions that have welcomed the same datacenter; what was known before their
//!    welcome is not told, since it may come from a disk that the peer no longer has. A server session's `PeerSeen` goes as `PeerSeen` to the
//!    puller of that datacenter.
//! 7. `AssumeNewIdentity` is carried out on the store. Whenever the store's identity changes, by this command or inside an `Apply`, every
//!    connection of the node is closed, since each was greeted under the old one.
//! 8. `StateRead` says that a datacenter is taken while another replica of it is `linked` in some other machine of the node, in either direction, and
//!    was heard less than `partition_after_ms` ago.
//! 9. Time never runs backwards: [`Timestamp`] is a monotonic clock that was set to the wall clock once.
//!
//! # Invariants
//!
//! - Knowledge travels only with the watermark that ends a complete scan; a batch before it moves nothing but documents and the position.
//! - A batch names its stream and the position that it continues from; anything else that arrives is dropped.
//! - A node that is known to hold more of its own writes than it does takes a new identity before it says anything else.
//! - Every queue is bounded: batches by the window, comparisons to one bucket, reports to a thousand ids.
//! - No IO, no clock, no randomness, no unordered maps: the same events give the same commands.

mod backoff;
mod comparison;
mod heal;
mod link;
mod message;
mod options;
mod puller;
mod refusal;
mod server;
#[cfg(test)]
mod testing;
mod time;

pub use backoff::Backoff;
pub use comparison::ComparedDatabase;
pub use heal::{Counts, HealReport};
pub use link::{Backlog, LinkState, LinkStatus};
pub use message::{
    Acknowledge, Batch, BucketEntries, DatabaseHello, Digest, Documents, Foreign, Hello, Item, Message, Watermark,
    Welcome,
};
pub use options::{LinkOptions, TICK_MS_MAX};
pub use puller::{Applied, Local, Progress, Puller, PullerCommand, PullerEvent};
pub use refusal::Refusal;
pub use server::{DatabaseState, Scan, ServerCommand, ServerEvent, ServerIdentity, ServerSession};
pub use time::Timestamp;

/// The version of the protocol that this crate speaks. Two nodes link only if theirs are equal.
pub const PROTOCOL: u32 = 1;
