//! The `rejoin` binary: `serve` runs a node, all other commands are clients of one.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use rejoin_gateway::chaos::ChaosArguments;
use rejoin_gateway::cli::{self, ClientCommand, Completions, Manual};
use rejoin_gateway::config::{ConfigError, ServeArguments};

/// A sync gateway that keeps accepting writes while datacenters are cut off from each other, and merges when they meet again
#[derive(Debug, Parser)]
#[command(name = "rejoin", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one value of it in a process")]
enum Command {
    /// Run a node in the foreground
    Serve(Box<ServeArguments>),
    /// Try merge rules in simulated datacenters with faults
    Chaos(ChaosArguments),
    #[command(flatten)]
    Client(Box<ClientCommand>),
    /// Print what completes commands in a shell
    Completions(Completions),
    /// Print a manual page, or write all of them
    Man(Manual),
}

/// The settings make no sense; nothing was started. (clap exits with the same number.)
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(Arguments {
            command: Command::Serve(arguments),
        }) => serve(&arguments).await,
        Ok(Arguments {
            command: Command::Chaos(arguments),
        }) => arguments.run(),
        Ok(Arguments {
            command: Command::Client(command),
        }) => cli::run(*command).await.into(),
        Ok(Arguments {
            command: Command::Completions(command),
        }) => command.run(Arguments::command()).into(),
        Ok(Arguments {
            command: Command::Man(command),
        }) => command.run(Arguments::command()).into(),
        Err(error) => cli::print_usage_error(&error, std::env::args_os()).into(),
    }
}

async fn serve(arguments: &ServeArguments) -> ExitCode {
    match rejoin_gateway::serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rejoin: {error:#}");
            if error.is::<ConfigError>() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
