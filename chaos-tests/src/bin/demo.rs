//! `make demo`: plays the demo; the exit status is 0 only if both sides became equal and no write is unaccounted.

use std::process::ExitCode;

use anyhow::{Context, bail};
use rejoin_chaos::demo;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    // Whichever ends first, the other future is dropped, and with the demo its nodes and their data.
    let outcome = tokio::select! {
        verdict = demo::run() => verdict,
        interrupted = interruption() => interrupted,
    };
    match outcome {
        Ok(verdict) if verdict.is_good() => ExitCode::SUCCESS,
        Ok(verdict) => {
            eprintln!("the demo failed: {verdict:?}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends with an error on Ctrl-C, or when the terminal or a supervisor ends us.
async fn interruption() -> anyhow::Result<demo::Verdict> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let (mut interrupt, mut terminate, mut hangup) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    bail!("interrupted")
}
