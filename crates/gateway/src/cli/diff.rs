//! `diff`: two revisions of a document.

use clap::Args;
use rejoin_client::{Bytes, PathDifference};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::{self, Raw};
use super::reading::{self, ReadArguments};
use super::table::{Table, path};

/// Prints the members in which two revisions of a document differ.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"from\", \"to\", \"differences\": [{\"path\", \"from\", \"to\"}]}; path is a JSON pointer, \"\" the whole document where"
    "one side is deleted; a value that is not there is left out."
))]
pub struct Diff {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// The revision to compare
    from: String,
    /// The revision to compare with; the current one if left out
    to: Option<String>,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct DiffJson<'a> {
    from: &'a str,
    to: String,
    differences: Vec<DifferenceJson>,
    #[serde(flatten)]
    state: json::State,
}

#[derive(Serialize)]
struct DifferenceJson {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Raw>,
}

impl Diff {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let found = client
            .diff(&self.database, &self.id, &self.from, self.to.as_deref())
            .await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&DiffJson {
                from: &self.from,
                to: found.to.to_string(),
                differences: found.paths.into_iter().map(DifferenceJson::new).collect(),
                state: json::State::new(found.state),
            })?;
            return output.finish();
        }
        if found.paths.is_empty() {
            output.line("no differences")?;
        } else {
            output.line(table(&found.paths))?;
        }
        reading::print(&mut output, &found.state)?;
        output.finish()
    }
}

impl DifferenceJson {
    fn new(difference: PathDifference) -> Self {
        Self {
            path: difference.path,
            from: difference.from.as_ref().map(Raw::new),
            to: difference.to.as_ref().map(Raw::new),
        }
    }
}

fn table(differences: &[PathDifference]) -> Table {
    let mut table = Table::new(["path", "from", "to"]);
    for difference in differences {
        table.row([
            path(&difference.path),
            text(difference.from.as_ref()),
            text(difference.to.as_ref()),
        ]);
    }
    table
}

fn text(value: Option<&Bytes>) -> String {
    value.map_or_else(String::new, |text| String::from_utf8_lossy(text).into_owned())
}
