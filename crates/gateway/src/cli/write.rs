//! `put`, `update`, `delete`: writes of one document.

use clap::Args;
use rejoin_client::Replaced;

use super::acknowledge::{self, WriteArguments};
use super::body::BodyArgument;
use super::cas;
use super::conditions::{ConditionArguments, OnConflictArgument};
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::table::printable;

/// Stores a document that must not exist yet.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write, and \"conflicts\" if any are open."
    "With --acknowledge also \"durable_in\" and \"pending_in\", lists of datacenters; exit status 0 either way: it is stored."
))]
pub struct Put {
    /// The database
    database: String,
    /// The document's id, 1 to 512 bytes
    id: String,
    /// A JSON object; `-` reads it from standard input, `@FILE` from a file
    body: BodyArgument,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Replaces the whole body of a document.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write, and \"conflicts\" if any are open."
    "With --acknowledge also \"durable_in\" and \"pending_in\", lists of datacenters; exit status 0 either way: it is stored."
    "With --previous also \"previous\": {\"revision\", \"checksum\", \"body\"}, or null."
    "A conflict is {\"message\", \"conflicts\": [{\"key\", \"base_value\", \"our_value\", \"your_value\"}], \"base\","
    "\"ours\", \"yours\", \"revision\"}; key is a JSON pointer, a value that is not there is left out.\n"
    "Without --rev and --checksum it always succeeds and creates what is absent. With the revision that was read, it"
    "is merged with the changes made since, or refused with a report of the paths that both changed. With the"
    "checksum that was read it is refused if the document changed at all."
))]
pub struct Update {
    /// The database
    database: String,
    /// The document's id, 1 to 512 bytes
    id: String,
    /// A JSON object; `-` reads it from standard input, `@FILE` from a file
    body: BodyArgument,
    #[command(flatten)]
    conditions: ConditionArguments,
    /// What to do if --rev is no longer current
    #[arg(long, value_enum, default_value_t, requires = "rev")]
    on_conflict: OnConflictArgument,
    /// Print what was there before, too
    #[arg(long)]
    previous: bool,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Deletes a document.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write, and \"conflicts\" if any are open."
    "With --acknowledge also \"durable_in\" and \"pending_in\", lists of datacenters; exit status 0 either way: it is stored."
    "With --previous also \"previous\": {\"revision\", \"checksum\", \"body\"}.\n"
    "Without --rev and --checksum whatever is current is deleted. With what was read it is refused if somebody has"
    "changed the document since. If the document is not as --expected, {\"matched\": false, \"revision\", \"body\"}, what"
    "it is, and exit status 1."
))]
pub struct Delete {
    /// The database
    database: String,
    /// The document's id
    id: String,
    #[command(flatten)]
    conditions: ConditionArguments,
    /// Delete it only if it is this JSON object; the order of members does not matter
    #[arg(long, value_name = "BODY", conflicts_with_all = ["rev", "checksum"])]
    expected: Option<BodyArgument>,
    /// Print what was deleted, too
    #[arg(long)]
    previous: bool,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Put {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let body = self.body.read()?;
        let written = client.create(&self.database, &self.id, body).await?;
        print(
            &self.connection,
            &self.acknowledge,
            &Done {
                verb: "stored",
                id: &self.id,
                replaced: &Replaced {
                    written,
                    previous: None,
                },
                with_previous: false,
            },
        )
    }
}

impl Update {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let body = self.body.read()?;
        let conditions = self.conditions.with(self.on_conflict);
        let replaced = client.update_with(&self.database, &self.id, body, &conditions).await?;
        print(
            &self.connection,
            &self.acknowledge,
            &Done {
                verb: "stored",
                id: &self.id,
                replaced: &replaced,
                with_previous: self.previous,
            },
        )
    }
}

impl Delete {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let replaced = if let Some(expected) = self.expected {
            let expected = expected.read()?;
            let compared = client.compare_and_delete(&self.database, &self.id, expected).await?;
            cas::matched(&self.connection, &self.id, compared)?
        } else {
            let conditions = self.conditions.with(OnConflictArgument::default());
            client.delete_with(&self.database, &self.id, &conditions).await?
        };
        print(
            &self.connection,
            &self.acknowledge,
            &Done {
                verb: "deleted",
                id: &self.id,
                replaced: &replaced,
                with_previous: self.previous,
            },
        )
    }
}

/// A write that was done.
pub(super) struct Done<'a> {
    /// What was done, in one word.
    pub(super) verb: &'a str,
    pub(super) id: &'a str,
    pub(super) replaced: &'a Replaced,
    /// Whether what was there before was asked for.
    pub(super) with_previous: bool,
}

pub(super) fn print(connection: &Connection, acknowledge: &WriteArguments, done: &Done<'_>) -> Result<(), Failure> {
    let Done {
        verb,
        id,
        replaced,
        with_previous,
    } = *done;
    let mut output = connection.output();
    if connection.json {
        output.json(&json::Written::new(id, replaced, with_previous, acknowledge.is_asked()))?;
    } else {
        let Replaced { written, previous } = replaced;
        let merged = if written.merged {
            " (merged with what came after your revision)"
        } else {
            ""
        };
        if written.repeated {
            // Whether it was this very write nobody knows any more.
            output.line(format_args!(
                "nothing done: this request id was used before, for the write that made {} {}",
                printable(id),
                written.made
            ))?;
        } else {
            output.line(format_args!("{verb} {} {}{merged}", printable(id), written.made))?;
        }
        if written.made != written.revision {
            output.line(format_args!("shown is another branch: {}", written.revision))?;
        }
        if let Some(open) = open_conflicts(written.conflicts) {
            output.line(open)?;
        }
        if acknowledge.is_asked() {
            output.line(acknowledge::text(written))?;
        }
        if let Some(previous) = previous.as_ref().filter(|_| with_previous) {
            output.line(format_args!("before: {}", previous.revision))?;
            output.line(String::from_utf8_lossy(&previous.body))?;
        }
    }
    output.finish()
}

/// What a writer should know of the conflicts that the document has.
fn open_conflicts(count: u32) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 conflict is open; `rejoin conflicts` lists it".to_owned()),
        _ => Some(format!("{count} conflicts are open; `rejoin conflicts` lists them")),
    }
}
