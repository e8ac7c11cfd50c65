//! Faults between nodes: a TCP proxy that cuts, resets, delays, slows, holds, swallows, truncates and half-closes; and, for root on Linux, network
//! namespaces with addresses of their own.

mod fault;
mod namespaces;
mod proxy;
mod pump;
mod seen;

pub use fault::{Fault, Flow};
pub use namespaces::{GRPC_PORT, Namespaces, Shape};
pub use proxy::Proxy;
pub use seen::Seen;
