//! `history`: what a document showed before.

use std::time::{Duration, SystemTime};

use clap::Args;
use rejoin_client::{Conflict, HistoryRevision};
use serde::Serialize;

use super::conflicts::{candidate_text, datacenter_text};
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::{self, Raw};
use super::output::Output;
use super::pages::{self, Pages};
use super::reading::{self, ReadArguments};
use super::table::{Table, path};
use super::time;

/// Lists the revisions of a document that this node keeps, newest first, the current one among them.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"revisions\": [{\"revision\", \"current\", \"deleted\", \"datacenter\", \"written\", \"superseded\"}]}, newest first;"
    "superseded is null of the current one. With --bodies also \"body\" and \"set_aside\": [{\"path\", \"candidates\":"
    "[{\"value\" or \"removed\" or \"deleted\", \"datacenter\", \"time\", \"revision\", \"dot\"}]}]: all that stood at a path with"
    "more than one candidate, open conflicts and what a rule set aside; and \"left_out\", how many were too large to list.\n"
    "`rejoin restore` brings a revision back, or one value of it."
))]
pub struct History {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// Print what each revision showed, and what stood beside it
    #[arg(long)]
    bodies: bool,
    /// How many revisions
    #[arg(long, value_parser = pages::limit)]
    limit: Option<usize>,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct RevisionJson {
    revision: String,
    current: bool,
    deleted: bool,
    datacenter: Option<String>,
    written: String,
    superseded: Option<String>,
    #[serde(flatten)]
    held: Option<HeldJson>,
}

#[derive(Serialize)]
struct HeldJson {
    body: Option<Raw>,
    set_aside: Vec<json::SetAside>,
    left_out: u32,
}

impl History {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let mut output = self.connection.output();
        let limit = self.limit.unwrap_or(usize::MAX);
        let mut pages = Pages::new(limit, async |size, after| {
            client.history(&self.database, &self.id, self.bodies, size, after).await
        });
        if self.connection.json {
            let item = |revision| RevisionJson::new(revision, self.bodies);
            pages.print_json(&mut output, "revisions", item).await?;
            return output.finish();
        }
        while let Some(found) = pages.next().await? {
            if self.bodies {
                found
                    .iter()
                    .try_for_each(|revision| print_body(&mut output, revision))?;
            } else {
                output.line(table(&found))?;
            }
        }
        reading::print(&mut output, pages.state())?;
        output.finish()
    }
}

impl RevisionJson {
    fn new(revision: HistoryRevision, bodies: bool) -> Self {
        let held = bodies.then(|| HeldJson {
            body: revision.body.as_ref().map(Raw::new),
            set_aside: revision.set_aside.into_iter().map(json::SetAside::new).collect(),
            left_out: revision.set_aside_left_out,
        });
        Self {
            revision: revision.revision.to_string(),
            current: revision.superseded_unix_ms.is_none(),
            deleted: revision.deleted,
            datacenter: revision.datacenter,
            written: time::rfc3339(of_unix_ms(revision.written_unix_ms)),
            superseded: revision.superseded_unix_ms.map(|ms| time::rfc3339(of_unix_ms(ms))),
            held,
        }
    }
}

/// A time before 1970, which no node sends, is shown as 1970.
fn of_unix_ms(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

fn table(revisions: &[HistoryRevision]) -> Table {
    let mut table = Table::new(["revision", "datacenter", "written (UTC)", "superseded (UTC)", ""]).whole([0, 2, 3]);
    for revision in revisions {
        let superseded = revision.superseded_unix_ms.map(|ms| time::human(of_unix_ms(ms)));
        table.row([
            revision.revision.to_string(),
            revision.datacenter.clone().unwrap_or_else(|| "(unknown)".to_owned()),
            time::human(of_unix_ms(revision.written_unix_ms)),
            superseded.unwrap_or_else(|| "current".to_owned()),
            if revision.deleted { "deleted" } else { "" }.to_owned(),
        ]);
    }
    table
}

fn print_body(output: &mut Output, revision: &HistoryRevision) -> Result<(), Failure> {
    let until = match revision.superseded_unix_ms {
        Some(ms) => format!("superseded {} UTC", time::human(of_unix_ms(ms))),
        None => "current".to_owned(),
    };
    output.line(format_args!("{} {until}", revision.revision))?;
    match &revision.body {
        Some(body) => output.line(String::from_utf8_lossy(body))?,
        None => output.line("(deleted)")?,
    }
    if !revision.set_aside.is_empty() {
        output.line(set_aside(&revision.set_aside))?;
    }
    if revision.set_aside_left_out > 0 {
        output.line(format_args!(
            "{} more were too large to list; the revision that came after has them still",
            revision.set_aside_left_out
        ))?;
    }
    output.line("")
}

/// What stood at the paths with more than one candidate, numbered for `restore --set-aside`.
fn set_aside(conflicts: &[Conflict]) -> Table {
    let mut table = Table::new(["path", "no.", "candidate", "datacenter", "time (UTC)"]).whole([1, 4]);
    for conflict in conflicts {
        for (index, candidate) in conflict.candidates.iter().enumerate() {
            let path = match index {
                0 => path(&conflict.path),
                _ => String::new(),
            };
            table.row([
                path,
                (index + 1).to_string(),
                candidate_text(&candidate.kind),
                datacenter_text(candidate),
                time::human(time::of_dot(candidate.dot.time)),
            ]);
        }
    }
    table
}
