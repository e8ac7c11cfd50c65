//! Networks of real stores and real link machines in one thread, with a simulated clock and a seeded dice.

// Each test binary uses a part of it.
#![allow(dead_code, unreachable_pub, unused_imports)]

mod account;
mod bodies;
mod clock;
mod deletions;
mod dice;
mod driver;
mod faults;
mod link;
mod node;
mod record;
mod world;

pub use dice::Dice;
pub use faults::{fields, run};
pub use world::World;
