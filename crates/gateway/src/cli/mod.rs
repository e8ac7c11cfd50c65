//! The client commands of the `rejoin` binary: one file per group of commands.
//!
//! Guarantees:
//! - The commands, their arguments, the JSON that `--json` prints and the exit statuses are an interface: scripts
//!   outside this repository rely on them.
//! - Standard output carries the answer and nothing else; errors and progress go to standard error.
//! - Bodies and values are printed as the node sent them: number texts and member order stay.
//! - A reader that closes the pipe early ends the command quietly.
//!
//! It knows the client library only, nothing of the node that `rejoin serve` runs; `user` and `backup restore` alone work on files, and call no node.

mod acknowledge;
mod backup;
mod batch;
mod body;
mod cas;
mod changes;
mod command;
mod compact;
mod completions;
mod conditions;
mod conflicts;
mod connection;
mod database;
mod datacenter;
mod definition;
mod diff;
mod digest;
mod duration;
mod exit;
mod export;
mod failure;
mod get;
mod get_many;
mod heals;
mod help;
mod history;
mod json;
mod link;
mod list;
mod load;
mod manual;
mod output;
mod pages;
mod patch;
mod preview;
mod quarantine;
mod reading;
mod resolve;
mod restore;
mod session_file;
mod status;
mod status_json;
mod table;
mod time;
mod usage;
mod user;
mod user_password;
mod verify;
mod write;

pub use command::{ClientCommand, run};
pub use completions::Completions;
pub use exit::ExitStatus;
pub use manual::Manual;
pub use usage::print_usage_error;
pub use user::UserCommand;
