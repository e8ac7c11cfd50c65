//! How a command went, for the shell.

use std::process::ExitCode;

/// The exit status of a client command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It was done.
    Success = 0,
    /// The node refused it, or some of it: conflict, not found, invalid input and the like.
    Refused = 1,
    /// The arguments make no sense; nothing was sent. (clap exits with the same number.)
    Usage = 2,
    /// The node cannot be reached, or did not answer: a write may or may not have happened, as the message says.
    Unreachable = 3,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}
