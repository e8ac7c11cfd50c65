//! Checkers: one invariant per file, each with planted violations as tests. "No write lost" is the [`crate::ledger`].

pub mod convergence;
pub mod monotonicity;
