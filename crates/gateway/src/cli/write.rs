//! `put`, `update`, `delete`: writes of one document.

use clap::Args;
use rejoin_client::Written;

use super::body::BodyArgument;
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::table::printable;

/// Stores a document that must not exist yet.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write."
))]
pub struct Put {
    /// The database
    database: String,
    /// The document's id, 1 to 512 bytes
    id: String,
    /// A JSON object; `-` reads it from standard input, `@FILE` from a file
    body: BodyArgument,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Replaces the whole body of a document.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write."
    "A conflict is {\"error\", \"message\", \"conflict\": {\"conflicts\": [{\"path\", \"base_value\", \"our_value\","
    "\"your_value\"}], \"yours\", \"ours\", \"base\", \"revision\"}} on standard error.\n"
    "Without --rev it always succeeds and creates what is absent. With the revision that was read, it is merged"
    "with the changes made since, or refused with a report of the paths that both changed."
))]
pub struct Update {
    /// The database
    database: String,
    /// The document's id, 1 to 512 bytes
    id: String,
    /// A JSON object; `-` reads it from standard input, `@FILE` from a file
    body: BodyArgument,
    /// The revision that the new body is based on
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Deletes a document.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write."
    "\nWithout --rev whatever is current is deleted. With the revision that was read it is refused if somebody"
    "has changed the document since."
))]
pub struct Delete {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// The revision that was read
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Put {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let body = self.body.read()?;
        let written = client.create(&self.database, &self.id, body).await?;
        print(&self.connection, "stored", &self.id, &written)
    }
}

impl Update {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let body = self.body.read()?;
        let written = client
            .update(&self.database, &self.id, body, self.rev.as_deref())
            .await?;
        print(&self.connection, "stored", &self.id, &written)
    }
}

impl Delete {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let written = client.delete(&self.database, &self.id, self.rev.as_deref()).await?;
        print(&self.connection, "deleted", &self.id, &written)
    }
}

fn print(connection: &Connection, verb: &str, id: &str, written: &Written) -> Result<(), Failure> {
    let mut output = connection.output();
    if connection.json {
        output.json(&json::Written::new(id, written))?;
    } else {
        let merged = if written.merged {
            " (merged with what came after your revision)"
        } else {
            ""
        };
        output.line(format_args!("{verb} {} {}{merged}", printable(id), written.revision))?;
    }
    output.finish()
}
