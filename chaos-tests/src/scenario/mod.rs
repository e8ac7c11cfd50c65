//! What the chaos tests have in common: two nodes behind proxies, a database that both sides create, and storms of faults.

mod counting;
mod setup;
mod storm;

pub use counting::count_up;
pub use setup::Scenario;
pub use storm::{Befallen, Storm};
