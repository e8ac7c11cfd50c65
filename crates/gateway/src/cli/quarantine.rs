//! `quarantine`: what came from peers and could not be applied here.

use clap::Args;
use rejoin_client::{Client, QuarantinedDocument};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::output::Output;
use super::pages::{self, Pages};
use super::table::{Table, count};
use super::time;

/// Lists what came from peers and could not be applied here, or tries it again.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"quarantine\": [{\"database\", \"id\", \"reason\", \"since\", \"from\", \"bytes\"}]}; since is RFC 3339; since"
    "and from, the peer that sent it, are null where an older version has set it aside. With --retry: {\"released\","
    "\"left\"}.\n"
    "What is set aside is kept and forwarded as it came, and stops nothing: the documents behind it arrive. A node tries it"
    "again by itself, also after an upgrade."
))]
pub struct Quarantine {
    /// The database; all if left out
    database: Option<String>,
    /// Try to apply it now
    #[arg(long, conflicts_with = "limit")]
    retry: bool,
    /// Print at most so many
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true, value_parser = pages::limit)]
    limit: usize,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct DocumentJson {
    database: String,
    id: String,
    reason: String,
    since: Option<String>,
    from: Option<String>,
    bytes: u64,
}

#[derive(Serialize)]
struct RetriedJson {
    released: u64,
    left: u64,
}

impl Quarantine {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut output = self.connection.output();
        if self.retry {
            self.try_again(&client, &mut output).await?;
        } else {
            self.list(&client, &mut output).await?;
        }
        output.finish()
    }

    async fn try_again(&self, client: &Client, output: &mut Output) -> Result<(), Failure> {
        let retried = client.retry_quarantine(self.database.as_deref()).await?;
        if self.connection.json {
            return output.json(&RetriedJson {
                released: retried.released,
                left: retried.left,
            });
        }
        output.line(format_args!(
            "{} are no longer set aside, {} still cannot be applied",
            count(retried.released),
            count(retried.left)
        ))
    }

    async fn list(&self, client: &Client, output: &mut Output) -> Result<(), Failure> {
        let database = self.database.as_deref();
        let mut pages = Pages::new(self.limit, async |size, after| {
            client.quarantine(database, size, after).await
        });
        if self.connection.json {
            return pages.print_json(output, "quarantine", DocumentJson::new).await;
        }
        let mut documents = Vec::new();
        while let Some(page) = pages.next().await? {
            documents.extend(page);
        }
        if documents.is_empty() {
            return output.line("nothing is set aside: all that came could be applied");
        }
        output.line(table(&documents))?;
        // Below the table, where a long reason is not cut off.
        let mut reasons: Vec<&str> = documents.iter().map(|document| document.reason.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            output.line(format_args!("\n{reason}"))?;
        }
        Ok(())
    }
}

fn table(documents: &[QuarantinedDocument]) -> Table {
    let headings = ["database", "document", "since (UTC)", "from", "bytes", "reason"];
    let mut table = Table::new(headings).numbers([4]).whole([2]);
    let unknown = || "-".to_owned();
    for document in documents {
        table.row([
            document.database.clone(),
            document.id.clone(),
            document.since.map_or_else(unknown, time::human),
            document.datacenter.clone().unwrap_or_else(unknown),
            count(document.bytes),
            document.reason.clone(),
        ]);
    }
    table
}

impl DocumentJson {
    fn new(document: QuarantinedDocument) -> Self {
        Self {
            database: document.database,
            id: document.id,
            reason: document.reason,
            since: document.since.map(time::rfc3339),
            from: document.datacenter,
            bytes: document.bytes,
        }
    }
}
