//! The pure core: real stores on memory engines and real link machines of several datacenters in one thread, without tonic or a runtime.
//!
//! Two drivers share one [`world`]. [`walk`] lets one thing after another happen in any order and looks into the states at the end; [`Core`] carries
//! out plans, with clients, delays and clocks, and writes a history for the checkers.

mod account;
mod acts;
mod air;
mod bodies;
mod client;
mod clock;
mod compaction;
mod copies;
mod deletions;
mod disk;
mod driver;
mod edge_faults;
mod entries;
mod faults;
mod finish;
mod journal;
mod link;
mod node;
mod node_faults;
mod record;
mod redefinitions;
#[cfg(test)]
mod repair;
mod requests;
mod run;
mod sight;
mod stage;
mod truth;
mod walk;
mod walk_writes;
mod world;

pub use stage::Core;
pub use walk::{Walked, walk};
