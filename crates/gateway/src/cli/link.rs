//! `link cut` and `link restore`: what an operator does to a link.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;

/// Commands on links.
#[derive(Debug, Subcommand)]
pub enum LinkCommand {
    /// Cut the links with a datacenter in both directions; survives a restart
    Cut(LinkArguments),
    /// Let the links with a datacenter connect again
    Restore(LinkArguments),
}

/// Which link, at which node.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"datacenter\", \"cut\", \"changed\"}; changed is false if it was so before."
))]
pub struct LinkArguments {
    /// The other datacenter
    datacenter: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Serialize)]
struct LinkJson<'a> {
    datacenter: &'a str,
    cut: bool,
    changed: bool,
}

impl LinkCommand {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::Cut(arguments) | Self::Restore(arguments) => &arguments.connection,
        }
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection().client()?;
        match self {
            Self::Cut(arguments) => {
                let changed = client.cut_link(&arguments.datacenter).await?;
                arguments.print(true, changed)
            }
            Self::Restore(arguments) => {
                let changed = client.restore_link(&arguments.datacenter).await?;
                arguments.print(false, changed)
            }
        }
    }
}

impl LinkArguments {
    fn print(&self, cut: bool, changed: bool) -> Result<(), Failure> {
        let mut output = self.connection.output();
        let datacenter = &self.datacenter;
        if self.connection.json {
            output.json(&LinkJson {
                datacenter,
                cut,
                changed,
            })?;
        } else {
            output.line(match (cut, changed) {
                (true, true) => format!("cut the links with {datacenter}; reads and writes go on"),
                (true, false) => format!("the links with {datacenter} were cut before"),
                (false, true) => {
                    format!("restored the links with {datacenter}; `rejoin status` shows when they are up")
                }
                (false, false) => format!("the links with {datacenter} were not cut"),
            })?;
        }
        output.finish()
    }
}
