//! `changes`: what happened, oldest first.

use clap::Args;
use rejoin_client::Change;
use rejoin_document::Sequence;
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::printable;

/// Prints the newest change of each document, oldest first.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "one object per line: {\"sequence\", \"id\", \"revision\", \"deleted\"}."
))]
pub struct Changes {
    /// The database
    database: String,
    /// Only changes after this sequence number of this node
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    since: u64,
    /// Go on with the changes to come, until interrupted
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    sequence: u64,
    id: &'a str,
    revision: String,
    deleted: bool,
}

impl Changes {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut changes = client
            .changes(&self.database, Sequence(self.since), self.follow)
            .await?;
        let mut output = self.connection.output();
        while let Some(change) = changes.next().await? {
            if self.connection.json {
                output.json(&ChangeJson::new(&change))?;
            } else {
                output.line(text(&change))?;
            }
            if self.follow {
                output.flush()?;
            }
        }
        output.finish()
    }
}

/// One line, in columns as long as the numbers and revisions are of usual length.
fn text(change: &Change) -> String {
    let deleted = if change.deleted { "  deleted" } else { "" };
    format!(
        "{:>8}  {:<34}  {}{deleted}",
        change.sequence.0,
        change.revision.to_string(),
        printable(&change.id)
    )
}

impl<'a> ChangeJson<'a> {
    fn new(change: &'a Change) -> Self {
        Self {
            sequence: change.sequence.0,
            id: &change.id,
            revision: change.revision.to_string(),
            deleted: change.deleted,
        }
    }
}
