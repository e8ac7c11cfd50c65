//! A client's write, rebased on the current state.
//!
//! The body that the client sends is compared with the body that it had read; only what differs is applied to the tree of fields, under the write's
//! dot. So an edit elsewhere never settles an open conflict, and what others changed meanwhile stays.
//!
//! ```text
//! base body ── flatten ──┐
//!                        ├── difference ── apply (removals, additions) ── settle places ── fold ── name
//! new body ─── flatten ──┘                   │
//!                                            └── meets an unseen change: report
//! ```

mod apply;
mod counters;
mod difference;
mod flatten;
mod meets;
mod places;
mod rebase;
mod report;
mod resolve;

#[cfg(test)]
pub(crate) use flatten::{Flat, Put, flatten};
pub(crate) use report::report;
pub use report::stale;
pub use resolve::check_counters;
