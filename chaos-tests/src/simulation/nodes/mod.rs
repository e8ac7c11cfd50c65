//! Whole nodes in one thread: production code over a simulated network, with simulated time, clocks and disks.
//!
//! ```text
//!   Plan ──▶ World ── step by step ──▶ processes of dc-a  dc-b ...    (gateway, sync, store, document on a simulated Disk)
//!              ▲                                   ▲     ▲
//!           Injector: what goes wrong              └──┬──┘ a network card each
//!              │                        turmoil:   app-dc-a  app-dc-b ...   (rejoin-client, its session, its way round dead nodes)
//!              ▼                                   operator                 (makes the database, cuts links, compacts, reads the end)
//!           Journal ──▶ History ──▶ checkers
//! ```
//!
//! The same plan gives the same history, byte by byte. Nothing here knows what is right: that is the checkers' business.

mod acts;
mod card;
mod client;
mod clock;
mod disk;
mod effects;
mod follower;
mod frames;
mod injector;
mod journal;
mod kinds;
mod links;
mod machine;
mod network;
mod occasions;
mod operator;
mod panics;
mod process;
mod recreated;
mod restores;
mod run;
mod stage;
mod storm;
mod wire;
mod world;

pub use clock::MACHINES_MAX;
pub use disk::{DirectoryDisk, MemoryDisk, SyncedLengths, synced};
pub use kinds::KINDS;
pub use stage::{DiskKind, WholeNodes};
