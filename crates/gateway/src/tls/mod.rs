//! TLS of a node: who may talk to it, on which connections, and for how long.
//!
//! `rejoin-tls` does the handshakes and finds the words; here they meet the node's listeners, its links, its settings and its log.
//!
//! Invariants:
//! - Everything that a node serves goes through [`listen`], and every request through [`Gate`]: a caller that is not trusted gets an answer that says
//!   what to do, and nothing else.
//! - Who was trusted once is judged again at every look at the files ([`Secured`]): a link ends with the trust in its other end.
//! - A node without certificates goes the same ways; nothing of it knows whether it runs in a simulation.

mod caller;
mod gate;
mod listener;
mod node_tls;
mod notices;
mod secured;

pub use caller::{Caller, Standing};
pub(crate) use gate::Gate;
pub(crate) use listener::listen;
pub use node_tls::NodeTls;
pub(crate) use notices::Notices;
pub(crate) use secured::Secured;
