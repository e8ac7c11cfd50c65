//! Histories that are as they should be, and ones with something planted that each checker must find.

mod atomic_batches;
mod bounded_sizes;
mod changed_rules;
mod clocks;
mod conflict_completeness;
mod convergence;
mod counters;
mod determinism;
mod document_order;
mod durability;
mod forgetting;
mod identity;
mod liveness;
mod never_reverted;
mod planted;
mod report;
mod sessions;
mod sets;
