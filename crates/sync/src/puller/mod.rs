//! The pulling end of a link: one machine per peer, for as long as the node runs.

mod applying;
mod command;
mod comparing;
mod connection;
mod event;
mod machine;
mod measuring;
mod receiving;
mod session;
#[cfg(test)]
mod tests;

pub use command::{Progress, PullerCommand};
pub use event::{Applied, Local, PullerEvent};
pub use machine::Puller;
pub(crate) use session::start;
