//! `compact`: drops what need not be kept.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::count;

/// Drops what need not be kept, and gives back its room on disk.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"revisions_dropped\", \"documents_trimmed\", \"bytes_before\", \"bytes_after\"}.\n"
    "Dropped are superseded revisions beyond what the database keeps, and of deletions and removals what every"
    "datacenter has seen. Never an open branch, a conflict, or what is shown. Reads and writes go on meanwhile."
))]
pub struct Compact {
    /// The database; all if left out
    database: Option<String>,
    /// How long to wait for it; it goes on to its end all the same
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct CompactedJson {
    revisions_dropped: u64,
    documents_trimmed: u64,
    bytes_before: u64,
    bytes_after: u64,
}

impl Compact {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let wait = Duration::from_secs(self.wait);
        let compacted = client.compact(self.database.as_deref(), wait).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&CompactedJson {
                revisions_dropped: compacted.revisions,
                documents_trimmed: compacted.documents,
                bytes_before: compacted.bytes_before,
                bytes_after: compacted.bytes_after,
            })?;
        } else {
            output.line(format_args!(
                "dropped {} superseded revisions, trimmed {} documents; {} bytes on disk before, {} after",
                count(compacted.revisions),
                count(compacted.documents),
                count(compacted.bytes_before),
                count(compacted.bytes_after)
            ))?;
        }
        output.finish()
    }
}
