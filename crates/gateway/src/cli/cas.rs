//! `cas`: compare and swap.

use clap::Args;
use rejoin_client::{Compared, Replaced, Version};

use super::acknowledge::WriteArguments;
use super::body::BodyArgument;
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::printable;
use super::{json, write};

/// Replaces the body of a document if it is the expected one.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write; if the document is not as"
    "expected, {\"matched\": false, \"revision\", \"body\"}, what it is, and exit status 1.\n"
    "The order of members does not matter; numbers compare by their text."
))]
pub struct Cas {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// The JSON object that is expected to be there
    expected: BodyArgument,
    /// The JSON object to put in its place
    new: BodyArgument,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Cas {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let (expected, new) = (self.expected.read()?, self.new.read()?);
        let compared = client.compare_and_swap(&self.database, &self.id, expected, new).await?;
        let matched = matched(&self.connection, &self.id, compared)?;
        write::print(
            &self.connection,
            &self.acknowledge,
            &write::Done {
                verb: "stored",
                id: &self.id,
                replaced: &matched,
                with_previous: false,
            },
        )
    }
}

/// What was done; prints what is there if nothing was, because it is not as expected.
pub(super) fn matched(connection: &Connection, id: &str, compared: Compared) -> Result<Replaced, Failure> {
    match compared {
        Compared::Matched(replaced) => Ok(replaced),
        Compared::Unmatched(version) => {
            unmatched(connection, id, &version)?;
            Err(Failure::Unmatched)
        }
    }
}

fn unmatched(connection: &Connection, id: &str, version: &Version) -> Result<(), Failure> {
    let mut output = connection.output();
    if connection.json {
        output.json(&json::Unmatched::new(version))?;
    } else {
        output.line(format_args!(
            "{} is not as expected; it is {}",
            printable(id),
            version.revision
        ))?;
        output.line(String::from_utf8_lossy(&version.body))?;
    }
    output.finish()
}
