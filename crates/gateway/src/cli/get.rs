//! `get`: one document.

use clap::Args;
use rejoin_client::{Conflict, Document};

use super::conflicts::{candidate_text, datacenter_text};
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::output::Output;
use super::reading::{self, ReadArguments};
use super::table::{Table, path, printable};
use super::time;

/// Prints a document and its open conflicts.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"deleted\", \"checksum\", \"body\": {...}, \"conflicts\": [{\"path\", \"candidates\":"
    "[{\"value\" or \"removed\" or \"deleted\", \"datacenter\", \"time\", \"revision\"}]}]}; path is a JSON pointer,"
    "time is RFC 3339, checksum a decimal string.\n"
    "With --allow-stale also \"stale\": true where the session has seen something newer; \"catching_up_from\", a list of"
    "datacenters, while the node has a part of what they have.\n"
    "With --rev the document as it was then, without conflicts, if this node still keeps it; of a revision that deleted"
    "it \"deleted\" is true and \"body\" null."
))]
pub struct Get {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// An earlier revision
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Get {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let document = match &self.rev {
            Some(revision) => client.get_revision(&self.database, &self.id, revision).await?,
            None => client.get(&self.database, &self.id).await?,
        };
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&json::Document::new(document))?;
        } else {
            print(&mut output, &document)?;
        }
        output.finish()
    }
}

fn print(output: &mut Output, document: &Document) -> Result<(), Failure> {
    output.line(format_args!("{} {}", printable(&document.id), document.revision))?;
    if document.deleted {
        output.line("(deleted)")?;
    } else {
        output.line(String::from_utf8_lossy(&document.body))?;
    }
    if !document.conflicts.is_empty() {
        // Another body takes the place of one open revision only.
        let whole = document.conflicts.iter().any(|conflict| conflict.path.is_empty());
        let until = if whole {
            "`rejoin resolve` settles it"
        } else {
            "another value is written there"
        };
        output.line(format_args!("\nin conflict, until {until}:\n"))?;
        output.line(table(&document.conflicts))?;
    }
    reading::print(output, &document.state)
}

fn table(conflicts: &[Conflict]) -> Table {
    let mut table = Table::new(["path", "candidate", "datacenter", "time (UTC)"]).whole([3]);
    for conflict in conflicts {
        for (index, candidate) in conflict.candidates.iter().enumerate() {
            let path = match index {
                0 => path(&conflict.path),
                _ => String::new(),
            };
            let at = time::human(time::of_dot(candidate.dot.time));
            table.row([path, candidate_text(&candidate.kind), datacenter_text(candidate), at]);
        }
    }
    table
}
