//! The pure core: real stores on memory engines and real link machines of several datacenters in one thread, without tonic or a runtime.

mod account;
mod bodies;
mod clock;
mod deletions;
mod driver;
mod link;
mod node;
mod record;
#[cfg(test)]
mod repair;
mod truth;
mod walk;
mod walk_writes;
mod world;

pub use walk::{Walked, walk};
