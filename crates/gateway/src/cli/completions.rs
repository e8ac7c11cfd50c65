//! `rejoin completions`: a script that completes commands and flags in a shell.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::exit::ExitStatus;
use super::failure::Failure;

/// Prints a script for a shell, made from the commands of this very program.
#[derive(Debug, Args)]
#[command(after_help = "For bash: rejoin completions bash > /usr/share/bash-completion/completions/rejoin")]
pub struct Completions {
    /// The shell that completes
    shell: Shell,
}

impl Completions {
    /// Prints the script that completes `program`.
    pub fn run(&self, mut program: Command) -> ExitStatus {
        let (name, mut script) = (program.get_name().to_owned(), Vec::new());
        generate(self.shell, &mut program, name, &mut script);
        print(&script)
    }
}

/// Prints what was made as a whole. A reader that has seen enough is no error.
pub(super) fn print(text: &[u8]) -> ExitStatus {
    let mut output = io::stdout();
    match output.write_all(text).and_then(|()| output.flush()) {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            let failure = Failure::from(error);
            failure.print(false);
            failure.exit_status()
        }
    }
}
