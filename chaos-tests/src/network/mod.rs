//! Faults between nodes: a TCP proxy that cuts, delays, holds and half-closes.

mod fault;
mod proxy;

pub use fault::{Fault, Flow};
pub use proxy::{Proxy, Seen};
