//! The arguments that every client command takes.

use clap::Args;
use rejoin_client::Client;

use super::failure::Failure;
use super::output::Output;

/// Which node to ask and how to print its answer.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// The node's gRPC address
    #[arg(
        long,
        value_name = "URL",
        env = "REJOIN_ADDRESS",
        default_value = "http://127.0.0.1:7601"
    )]
    pub(super) address: String,
    /// Print JSON for programs, errors too (on standard error)
    #[arg(long)]
    pub(super) json: bool,
}

impl Connection {
    /// A client of the node; nothing is dialled yet.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        Client::connect_lazy(&self.address).map_err(|error| Failure::Usage(error.to_string()))
    }

    pub(super) fn output(&self) -> Output {
        Output::stdout()
    }
}
