//! Real `rejoin serve` processes.

mod binary;
mod node;
mod pair;
mod poll;

pub use binary::{BINARY_VARIABLE, rejoin_binary};
pub use node::{Node, NodeOptions};
pub use pair::{EAST, Pair, WEST};
pub use poll::poll_until;
