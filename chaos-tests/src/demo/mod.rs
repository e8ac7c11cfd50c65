//! The demo: two real nodes diverge, heal and lose nothing, and every acknowledged write is looked up to prove it.
//!
//! One file a scene, in the order of `run`. It knows of a node only what `rejoin-client` tells.

mod accounts;
mod actor;
mod colleagues;
mod conflicts;
mod customers;
mod heal;
mod load;
mod merged;
mod partition;
mod plan;
mod run;
mod stage;
mod table;

pub use customers::{Customer, customers, customers_path};
pub use run::{Verdict, run};
