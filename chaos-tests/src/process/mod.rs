//! Real `rejoin serve` processes, and the disks below them.

mod address;
mod bad_disk;
mod binary;
mod cluster;
mod command;
mod damage;
mod directory;
mod node;
mod pair;
mod poll;
mod small_disk;

pub use address::free_addresses;
pub use bad_disk::{BadDisk, SyncFault};
pub use binary::{BINARY_VARIABLE, OTHER_BINARY_VARIABLE, other_binary, rejoin_binary};
pub use cluster::{Cluster, Wire};
pub use command::{is_alive, is_root, owner, run};
pub use damage::{Damage, Inflicted};
pub use directory::directory;
pub use node::{Node, NodeOptions, Refusal, hurried};
pub use pair::{EAST, Pair, WEST};
pub use poll::poll_until;
pub use small_disk::SmallDisk;
