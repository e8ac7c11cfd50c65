//! How a document is read that a session may have seen in a newer state.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use rejoin_client::{Client, ReadOptions, ReadState};

use super::failure::Failure;
use super::output::Output;

/// Milliseconds to wait for what the session has seen at most.
const WAIT_MS_MAX: u64 = 60_000;

/// How a read stands to its session.
#[derive(Debug, Args)]
pub(super) struct ReadArguments {
    /// Print what the node has, even if the session has seen something newer
    #[arg(long)]
    allow_stale: bool,
    /// Milliseconds to wait until the node has what the session has seen [default: 5000]
    #[arg(
        long,
        value_name = "MS",
        conflicts_with = "allow_stale",
        value_parser = clap::value_parser!(u64).range(1..=WAIT_MS_MAX)
    )]
    wait: Option<u64>,
}

impl ReadArguments {
    /// The client, reading as it is asked for.
    pub(super) fn apply(&self, client: &Client) -> Client {
        client.reading(ReadOptions {
            allow_stale: self.allow_stale,
            wait: self.wait.map(Duration::from_millis),
        })
    }
}

/// What people have to know of an answer, if anything.
pub(super) fn print(output: &mut Output, state: &ReadState) -> Result<(), Failure> {
    notes(state).try_for_each(|note| output.line(format_args!("\n{note}")))
}

/// The same on standard error, where the output is for other programs. Nobody may be listening; that is no error.
pub(super) fn warn(state: &ReadState) {
    let mut stderr = io::stderr();
    for note in notes(state) {
        let _ = writeln!(stderr, "{note}");
    }
}

/// What is said of an answer that may be older than what its session has seen.
pub(super) const STALE: &str = "note: this may be older than what the session has seen";

/// The same, a line each.
pub(super) fn notes(state: &ReadState) -> impl Iterator<Item = String> {
    let stale = state.stale.then(|| STALE.to_owned());
    let from = state.catching_up_from.join(", ");
    let catching_up = (!from.is_empty())
        .then(|| format!("note: the node is catching up from {from}; batches written there may show in part"));
    stale.into_iter().chain(catching_up)
}
