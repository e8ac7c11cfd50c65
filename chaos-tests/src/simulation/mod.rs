//! Simulations: a seed decides everything, and the same seed gives the same run.

pub mod nodes;
