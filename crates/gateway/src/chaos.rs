//! `rejoin chaos`: hands over to `rejoin-chaos`, which lies beside this program. It is a program of its own because it holds a whole simulation, and no
//! node needs one.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;

/// The program that tries rules.
const PROGRAM: &str = "rejoin-chaos";

/// The program is not there, or does not start.
const USAGE: u8 = 2;

/// Runs your merge rules through simulated datacenters and faults, and says what became of the writes.
#[derive(Debug, Args)]
// The other program has a help of its own.
#[command(disable_help_flag = true, disable_version_flag = true)]
pub struct ChaosArguments {
    /// `rejoin chaos --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl ChaosArguments {
    /// Becomes the other program. Comes back only if that cannot be.
    pub fn run(self) -> ExitCode {
        let program = beside();
        let error = match &program {
            Ok(program) => Command::new(program).args(self.arguments).exec(),
            Err(error) => io::Error::new(error.kind(), error.to_string()),
        };
        let named = program.unwrap_or_else(|_| PROGRAM.into());
        eprintln!(
            "error: {} cannot be started: {error}; it belongs beside `rejoin`, and `make build` makes both",
            named.display()
        );
        ExitCode::from(USAGE)
    }
}

/// Where the other program should be.
fn beside() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(PROGRAM))
}
