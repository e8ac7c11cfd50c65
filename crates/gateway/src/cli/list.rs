//! `list`: the documents of a database.

use clap::Args;
use rejoin_client::{Document, Listing};

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::pages::{self, Pages};
use super::reading::{self, ReadArguments};
use super::table::{Table, printable};

/// Lists the documents of a database in ascending order of their ids.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"documents\": [{\"id\", \"revision\", \"deleted\", \"checksum\", \"body\", \"conflicts\"}]}, each as get prints"
    "it; with --ids {\"ids\": [...]}. Deleted documents are left out.\n"
    "Ids are in the order of their bytes. A document that is there all the while is met exactly once, whatever is"
    "written meanwhile."
))]
pub struct List {
    /// The database
    database: String,
    /// Print at most so many documents [default: all]
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true, value_parser = pages::limit)]
    limit: usize,
    /// Only documents whose ids begin with this
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only ids from this one on
    #[arg(long, value_name = "ID")]
    from: Option<String>,
    /// Only ids before this one
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    /// In descending order; --from is still the lesser id
    #[arg(long)]
    descending: bool,
    /// Print the ids only, one a line
    #[arg(long)]
    ids: bool,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let mut output = self.connection.output();
        let listing = Listing {
            prefix: self.prefix,
            from: self.from,
            to: self.to,
            descending: self.descending,
            omit_bodies: self.ids,
        };
        let mut pages = Pages::new(self.limit, async |size, after| {
            client.list_with(&self.database, &listing, size, after).await
        });
        if self.connection.json {
            if self.ids {
                pages
                    .print_json(&mut output, "ids", |document: Document| document.id)
                    .await?;
            } else {
                pages.print_json(&mut output, "documents", json::Document::new).await?;
            }
            return output.finish();
        }
        if self.ids {
            while let Some(documents) = pages.next().await? {
                for document in documents {
                    output.line(whole(document.id))?;
                }
            }
            reading::warn(pages.state());
            return output.finish();
        }
        let mut none = true;
        while let Some(documents) = pages.next().await? {
            if !documents.is_empty() {
                none = false;
                output.line(table(&documents))?;
                output.flush()?;
            }
        }
        if none {
            output.line("no documents")?;
        }
        reading::print(&mut output, pages.state())?;
        output.finish()
    }
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

/// An id on a line of its own, for people and for pipes alike. One with control characters is shown as in tables.
fn whole(id: String) -> String {
    if id.contains(char::is_control) {
        printable(&id)
    } else {
        id
    }
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
}
