//! `get-many`: several documents as of one moment.

use clap::Args;
use rejoin_client::{Client, Document, Several};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::reading::{self, ReadArguments};
use super::table::printable;

/// Prints several documents as of one moment.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"documents\": [{\"id\", \"revision\", \"deleted\", \"checksum\", \"body\", \"conflicts\"} or {\"id\", \"missing\":"
    "true}], \"moments\"}, with \"stale\": true as get; documents in the order of the ids, each as get prints it.\n"
    "Writes that were made together are all there or none of them. What does not fit into 16 MiB is read as of a"
    "later moment: moments is 1 unless that was so."
))]
pub struct GetMany {
    /// The database
    database: String,
    /// The documents' ids, 1 to 1000 of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct DocumentsJson {
    documents: Vec<DocumentOrMissing>,
    moments: u32,
    #[serde(flatten)]
    state: json::State,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DocumentOrMissing {
    Found(json::Document),
    Missing { id: String, missing: bool },
}

impl GetMany {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let (Several { documents, state }, moments) = self.read(&client).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            let documents = self.ids.iter().zip(documents);
            let documents = documents.map(|(id, found)| DocumentOrMissing::new(id, found)).collect();
            output.json(&DocumentsJson {
                documents,
                moments,
                state: json::State::new(state),
            })?;
            return output.finish();
        }
        for (id, found) in self.ids.iter().zip(&documents) {
            match found {
                Some(document) => {
                    output.line(format_args!("{} {}", printable(id), document.revision))?;
                    output.line(String::from_utf8_lossy(&document.body))?;
                }
                None => output.line(format_args!("{} is not there", printable(id)))?,
            }
        }
        reading::print(&mut output, &state)?;
        if moments > 1 {
            output.line(format_args!(
                "they did not fit into one answer, and were read in {moments} moments"
            ))?;
        }
        output.finish()
    }

    /// All documents, and in how many moments they were read.
    async fn read(&self, client: &Client) -> Result<(Several, u32), Failure> {
        let (mut all, mut moments) = (client.get_many(&self.database, &self.ids).await?, 1);
        while all.documents.len() < self.ids.len() {
            let rest = &self.ids[all.documents.len()..];
            let Several { documents, state } = client.get_many(&self.database, rest).await?;
            all.documents.extend(documents);
            all.state.add(state);
            moments += 1;
        }
        Ok((all, moments))
    }
}

impl DocumentOrMissing {
    fn new(id: &str, found: Option<Document>) -> Self {
        match found {
            Some(document) => Self::Found(json::Document::new(document)),
            None => Self::Missing {
                id: id.to_owned(),
                missing: true,
            },
        }
    }
}
