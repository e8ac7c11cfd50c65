//! `batch`: several writes, all or none, or each for itself.

use clap::Args;
use rejoin_client::{Batch as ClientBatch, BatchOutcome, BatchResult, Bytes, Conditions, Patch, Refusal, Replaced};
use rejoin_document::Checksum;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body::BodyArgument;
use super::conditions::OnConflictArgument;
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::Raw;
use super::table::printable;

/// Does several writes of one database: all of them or none.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"results\": [{\"id\", \"revision\", \"merged\"}]}, in the order of the writes; with --independent a write that was"
    "refused is {\"id\", \"error\", \"message\"}, one that did not match {\"id\", \"matched\": false, \"revision\", \"body\"},"
    "and the exit status is 1.\n"
    "Each line is one write, at most 1000: {\"op\": \"create\", \"id\", \"body\"}, {\"op\": \"update\", \"id\", \"body\"},"
    "{\"op\": \"patch\", \"id\", \"patch\"} (a merge patch), {\"op\": \"cas\", \"id\", \"expected\", \"body\"},"
    "{\"op\": \"delete\", \"id\"}; update, patch and delete take \"rev\" and \"checksum\", update and patch \"on_conflict\":"
    "\"merge\", \"reject-stale\" or \"keep-branch\"."
))]
pub struct Batch {
    /// The database
    database: String,
    /// The writes, one JSON object a line; `-` reads them from standard input, `@FILE` from a file
    writes: BodyArgument,
    /// Do each write for itself: one that is refused does not touch the others
    #[arg(long)]
    independent: bool,
    /// Name the batch: sent again under the same name, each write is done once
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    op: Op,
    id: String,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    expected: Option<&'a RawValue>,
    #[serde(borrow)]
    patch: Option<&'a RawValue>,
    rev: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    on_conflict: OnConflictArgument,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Create,
    Update,
    Patch,
    Cas,
    Delete,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ResultJson<'a> {
    Stored {
        id: &'a str,
        revision: String,
        merged: bool,
    },
    Unmatched {
        id: &'a str,
        matched: bool,
        revision: String,
        body: Raw,
    },
    Refused {
        id: &'a str,
        error: &'a str,
        message: &'a str,
    },
}

impl Batch {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let text = self.writes.read()?;
        let (mut batch, mut ids) = (ClientBatch::new(), Vec::new());
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            if !line.iter().all(u8::is_ascii_whitespace) {
                let invalid = |problem: String| Failure::Usage(format!("line {number}: {problem}"));
                let line: Line<'_> = serde_json::from_slice(line).map_err(|error| invalid(error.to_string()))?;
                ids.push(line.id.clone());
                batch = line.add_to(batch).map_err(invalid)?;
            }
        }
        if let Some(name) = &self.request_id {
            batch = batch.request_id(name);
        }
        let outcomes = if self.independent {
            client.write_each(&self.database, batch).await?
        } else {
            let stored = client.write_batch(&self.database, batch).await?;
            ids.into_iter()
                .zip(stored)
                .map(|(id, replaced)| whole(id, replaced))
                .collect()
        };
        print(&self.connection, &outcomes)?;
        if outcomes
            .iter()
            .all(|outcome| matches!(outcome.result, BatchResult::Stored(_)))
        {
            Ok(())
        } else {
            Err(Failure::LinesRefused)
        }
    }
}

fn whole(id: String, replaced: Replaced) -> BatchOutcome {
    BatchOutcome {
        id,
        result: BatchResult::Stored(replaced),
    }
}

fn print(connection: &Connection, outcomes: &[BatchOutcome]) -> Result<(), Failure> {
    let mut output = connection.output();
    if connection.json {
        let mut list = output.json_list("results")?;
        for outcome in outcomes {
            list.item(&ResultJson::new(outcome))?;
        }
        list.end()?;
        return output.finish();
    }
    for BatchOutcome { id, result } in outcomes {
        let id = printable(id);
        match result {
            BatchResult::Stored(Replaced { written, .. }) => {
                output.line(format_args!("stored {id} {}", written.revision))?
            }
            BatchResult::Unmatched(version) => {
                output.line(format_args!("not as expected: {id} {}", version.revision))?;
            }
            BatchResult::Refused(refusal) => output.line(format_args!("refused {id}: {}", refusal.message))?,
        }
    }
    output.finish()
}

impl Line<'_> {
    fn add_to(self, batch: ClientBatch) -> Result<ClientBatch, String> {
        let text = |value: Option<&RawValue>, name: &str| {
            let value = value.ok_or_else(|| format!("{name:?} is missing"))?;
            Ok::<_, String>(Bytes::from(value.get().to_owned()))
        };
        let checksum: Option<Checksum> = self
            .checksum
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| "\"checksum\" is a decimal number in a string, as `get --json` prints it".to_owned())?;
        let conditions = Conditions {
            base: self.rev,
            checksum,
            on_conflict: self.on_conflict.into(),
        };
        let id = self.id.as_str();
        Ok(match self.op {
            Op::Create => batch.create(id, text(self.body, "body")?),
            Op::Update => batch.update(id, text(self.body, "body")?, &conditions),
            Op::Patch => batch.patch(id, Patch::Merge(text(self.patch, "patch")?), &conditions, false),
            Op::Cas => batch.compare_and_swap(id, text(self.expected, "expected")?, text(self.body, "body")?),
            Op::Delete => batch.delete(id, &conditions),
        })
    }
}

impl<'a> ResultJson<'a> {
    fn new(outcome: &'a BatchOutcome) -> Self {
        let id = outcome.id.as_str();
        match &outcome.result {
            BatchResult::Stored(Replaced { written, .. }) => Self::Stored {
                id,
                revision: written.revision.to_string(),
                merged: written.merged,
            },
            BatchResult::Unmatched(version) => Self::Unmatched {
                id,
                matched: false,
                revision: version.revision.to_string(),
                body: Raw::new(&version.body),
            },
            BatchResult::Refused(refusal) => {
                let Refusal { reason, message, .. } = refusal.as_ref();
                Self::Refused {
                    id,
                    error: reason,
                    message,
                }
            }
        }
    }
}
