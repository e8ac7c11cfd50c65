//! The ledger: every acknowledged write of a log is looked up at every node and accounted for.
//!
//! `unaccounted` is counted, not assumed: a write is unaccounted unless something the nodes show, or a later write of the log, explains it.

mod account;
mod addition;
mod counter;
mod explain;
mod judge;
mod precedence;
mod reader;
mod standing;
mod turned;

pub use account::{Account, Finding, Shelf, Tally, account};
pub use addition::Addition;
pub use explain::explain;
pub use judge::{Judge, displaces};
pub use reader::{NodeReader, Reader, is_absent};
pub use standing::Standing;

#[cfg(test)]
pub(crate) mod planted;
#[cfg(test)]
mod tests;
