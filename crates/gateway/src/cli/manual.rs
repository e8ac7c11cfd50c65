//! `rejoin man`: manual pages, made from the help of the commands.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::{Man, generate_to};

use super::completions::print;
use super::exit::ExitStatus;
use super::failure::Failure;

/// Prints the manual page of `rejoin` or of one of its commands, or writes the pages of all.
#[derive(Debug, Args)]
#[command(after_help = "To read one: rejoin man database create | man -l -")]
pub struct Manual {
    /// The command whose page is printed, e.g. `database create` [default: rejoin itself]
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Vec<String>,
    /// Writes the pages of all commands here instead, e.g. /usr/local/share/man/man1
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Manual {
    /// Makes the pages of `program`.
    pub fn run(&self, program: Command) -> ExitStatus {
        let made = match &self.directory {
            Some(directory) => write_all(program, directory),
            None => self.page(program),
        };
        match made {
            Ok(page) => print(&page),
            Err(failure) => {
                failure.print(false);
                failure.exit_status()
            }
        }
    }

    fn page(&self, program: Command) -> Result<Vec<u8>, Failure> {
        let mut program = program.disable_help_subcommand(true);
        // Gives each command its whole name.
        program.build();
        let mut command = &program;
        for name in &self.command {
            command = command.find_subcommand(name).ok_or_else(|| {
                let whole = self.command.join(" ");
                Failure::Usage(format!("there is no command `{whole}`; `rejoin --help` lists all"))
            })?;
        }
        let mut page = Vec::new();
        Man::new(command.clone()).render(&mut page)?;
        Ok(page)
    }
}

/// Writes all pages; nothing is printed.
fn write_all(program: Command, directory: &Path) -> Result<Vec<u8>, Failure> {
    let written = generate_to(program, directory);
    written.map(|()| Vec::new()).map_err(|error| {
        let directory = directory.display();
        Failure::Local(io::Error::other(format!(
            "cannot write the pages into {directory}: {error}; name a directory that exists and can be written"
        )))
    })
}
