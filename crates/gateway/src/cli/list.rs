//! `list`: the documents of a database.

use clap::Args;
use rejoin_client::{Client, Document};

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::output::Output;
use super::table::Table;

/// Documents that are asked for at a time.
const PAGE_SIZE: u32 = 100;

/// Lists the documents of a database in ascending order of their ids.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"documents\": [{\"id\", \"revision\", \"deleted\", \"checksum\", \"body\", \"conflicts\"}]}, each as get prints"
    "it. Deleted documents are left out."
))]
pub struct List {
    /// The database
    database: String,
    /// Print at most so many documents [default: all]
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut output = self.connection.output();
        if self.connection.json {
            self.print_json(&client, &mut output).await?;
        } else {
            self.print_tables(&client, &mut output).await?;
        }
        output.finish()
    }

    async fn print_json(&self, client: &Client, output: &mut Output) -> Result<(), Failure> {
        let mut left = self.limit;
        let mut page = client.list(&self.database, page_size(left), None).await?;
        let mut list = output.json_list("documents")?;
        loop {
            for document in page.items.into_iter().take(left) {
                list.item(&json::Document::new(document))?;
                left -= 1;
            }
            match page.next {
                Some(next) if left > 0 => page = client.list(&self.database, page_size(left), Some(next)).await?,
                _ => return list.end(),
            }
        }
    }

    /// One table a page, so that memory does not grow with the database.
    async fn print_tables(&self, client: &Client, output: &mut Output) -> Result<(), Failure> {
        let mut left = self.limit;
        let mut next = None;
        loop {
            let mut page = client.list(&self.database, page_size(left), next).await?;
            page.items.truncate(left);
            if !page.items.is_empty() {
                output.line(table(&page.items))?;
                output.flush()?;
            }
            left -= page.items.len();
            match page.next {
                Some(token) if left > 0 => next = Some(token),
                _ if left == self.limit => return output.line("no documents"),
                _ => return Ok(()),
            }
        }
    }
}

/// A node takes 1 to 1,000 and reads 0 as its default.
fn page_size(left: usize) -> u32 {
    u32::try_from(left).unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE)
}

fn table(documents: &[Document]) -> Table {
    let mut table = Table::new(["id", "revision", "conflicts", "body"])
        .numbers([2])
        .whole([1]);
    for document in documents {
        table.row([
            document.id.clone(),
            short_revision(&document.revision.to_string()),
            document.conflicts.len().to_string(),
            String::from_utf8_lossy(&document.body).into_owned(),
        ]);
    }
    table
}

/// A revision as people tell them apart; `get` prints the whole.
fn short_revision(revision: &str) -> String {
    const SHOWN: usize = 12;
    match revision.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &revision[..end]),
        None => revision.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_shortened_for_people() {
        assert_eq!(short_revision("1-23202479633c2b380f79507a776743d5"), "1-2320247963…");
        assert_eq!(short_revision("1-123"), "1-123");
    }

    #[test]
    fn no_more_than_wanted_is_asked_for() {
        assert_eq!([0, 1, 7, 100, 101, usize::MAX].map(page_size), [1, 1, 7, 100, 100, 100]);
    }
}
