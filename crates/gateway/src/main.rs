//! The `rejoin` binary: `serve` runs a node, all other commands are clients of one.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use rejoin_gateway::VitalTaskFailed;
use rejoin_gateway::chaos::ChaosArguments;
use rejoin_gateway::cli::{self, ClientCommand, Completions, Manual, UserCommand};
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
    #[command(subcommand)]
    User(UserCommand),
    /// Print what completes commands in a shell
    Completions(Completions),
    /// Print a manual page, or write all of them
    Man(Manual),
}

/// The settings make no sense; nothing was started. (clap exits with the same number.)
const USAGE: u8 = 2;

/// A node has failed: a mistake in the program, as sysexits(3) has it (`EX_SOFTWARE`). A supervisor starts it again.
const NODE_FAILED: u8 = 70;

/// How long tasks of a node that has failed are waited for that do not let go of their threads.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

/// The exit status, and whether the process ends whatever still runs in it.
struct Ended {
    code: ExitCode,
    at_once: bool,
}

impl From<ExitCode> for Ended {
    fn from(code: ExitCode) -> Self {
        Self { code, at_once: false }
    }
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("rejoin: the system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run());
    if ended.at_once {
        runtime.shutdown_timeout(LEAVE_WITHIN);
    }
    ended.code
}

async fn run() -> Ended {
    match Arguments::try_parse() {
        Ok(Arguments {
            command: Command::Serve(arguments),
        }) => serve(&arguments).await,
        Ok(Arguments {
            command: Command::Chaos(arguments),
        }) => arguments.run().into(),
        Ok(Arguments {
            command: Command::Client(command),
        }) => ExitCode::from(cli::run(*command).await).into(),
        Ok(Arguments {
            command: Command::User(command),
        }) => ExitCode::from(command.run()).into(),
        Ok(Arguments {
            command: Command::Completions(command),
        }) => ExitCode::from(command.run(Arguments::command())).into(),
        Ok(Arguments {
            command: Command::Man(command),
        }) => ExitCode::from(command.run(Arguments::command())).into(),
        Err(error) => ExitCode::from(cli::print_usage_error(&error, std::env::args_os())).into(),
    }
}

async fn serve(arguments: &ServeArguments) -> Ended {
    let Err(error) = rejoin_gateway::serve(arguments).await else {
        return ExitCode::SUCCESS.into();
    };
    eprintln!("rejoin: {error:#}");
    let at_once = error.is::<VitalTaskFailed>();
    let code = if at_once {
        ExitCode::from(NODE_FAILED)
    } else if error.is::<ConfigError>() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::FAILURE
    };
    Ended { code, at_once }
}
