//! The serving end of a link: one machine per incoming stream.

mod answering;
mod command;
mod event;
mod feed;
mod serving;
mod session;
#[cfg(test)]
mod tests;
mod window;

pub use command::ServerCommand;
pub use event::{DatabaseState, Scan, ServerEvent, ServerIdentity};
pub use session::ServerSession;
