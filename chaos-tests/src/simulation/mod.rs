//! Runs in one thread with simulated time, each from a seed, and what is said of them.
//!
//! ```text
//!   seeds ──▶ Plan::generate ──▶ Stage::run ──▶ Ran { history, log, fired } ──▶ checker::run ──▶ Summary
//!                                    ▲                                               │ violated
//!                                    └────────────── plan::reduce ◀──────────────────┘
//! ```
//!
//! A stage carries plans out; everything else is common to all stages. The same plan gives the same event log, byte for byte, and the same history.

mod comings;
pub mod core;
mod judged;
pub mod nodes;
mod planted;
mod ran;
mod runner;
mod seed_failure;
mod sizes;
mod stage;
mod stages;
mod summary;

pub use judged::{Judged, judge};
pub use ran::Ran;
pub use runner::{Seeds, simulate, simulate_reducing};
pub use seed_failure::SeedFailure;
pub use sizes::sizes;
pub use stage::Stage;
pub use stages::stages;
pub use summary::Summary;
