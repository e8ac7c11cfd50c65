//! `restore`: brings back an old revision, or one value of it.

use std::str::FromStr;

use clap::Args;
use rejoin_client::{Client, Replaced, RestoredPart};
use rejoin_document::Dot;

use super::acknowledge::WriteArguments;
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::pages::Pages;
use super::write;

/// Brings back an old revision, or one value of it, as a new write on what is current.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write, and \"conflicts\" if any are open.\n"
    "Without --path the whole body comes back, of a deleted document too. With --path only what that member showed; with"
    "--set-aside too, what stood beside it: a number as `rejoin history --bodies` prints it, or the \"dot\" of its JSON."
))]
pub struct Restore {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// The revision; `rejoin history` lists those that are kept
    #[arg(long, value_name = "REVISION")]
    rev: String,
    /// Only this member: a JSON pointer; "" is the whole document
    #[arg(long)]
    path: Option<String>,
    /// What stood beside the shown value at --path
    #[arg(long, value_name = "NUMBER|TIME/REPLICA", requires = "path")]
    set_aside: Option<SetAside>,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// A value that stood beside the shown one.
#[derive(Debug, Clone, Copy)]
enum SetAside {
    /// By its place in the list, from 1.
    Number(usize),
    /// By the write that it comes from.
    Dot(Dot),
}

impl FromStr for SetAside {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number| *number > 0).map(Self::Number);
        number.or_else(|| text.parse().ok().map(Self::Dot)).ok_or_else(|| {
            "give its number, from 1, or the `dot` that `rejoin history --bodies --json` prints".to_owned()
        })
    }
}

impl Restore {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let part = match (self.path.clone(), self.set_aside) {
            (None, _) => RestoredPart::Whole,
            (Some(path), None) => RestoredPart::Shown(path),
            (Some(path), Some(SetAside::Dot(dot))) => RestoredPart::SetAside(path, dot),
            (Some(path), Some(SetAside::Number(number))) => {
                let dot = self.find(&client, &path, number).await?;
                RestoredPart::SetAside(path, dot)
            }
        };
        let written = client.restore(&self.database, &self.id, &self.rev, part).await?;
        let replaced = Replaced {
            written,
            previous: None,
        };
        write::print(
            &self.connection,
            &self.acknowledge,
            &write::Done {
                verb: "restored",
                id: &self.id,
                replaced: &replaced,
                with_previous: false,
            },
        )
    }

    /// The write behind a number of the list. What comes back is decided by the write, so it does not matter if the list grows meanwhile.
    async fn find(&self, client: &Client, path: &str, number: usize) -> Result<Dot, Failure> {
        let mut pages = Pages::new(usize::MAX, async |size, after| {
            client.history(&self.database, &self.id, true, size, after).await
        });
        while let Some(found) = pages.next().await? {
            for revision in found.iter().filter(|found| found.revision.to_string() == self.rev) {
                let conflict = revision.set_aside.iter().find(|conflict| conflict.path == path);
                if let Some(candidate) = conflict.and_then(|conflict| conflict.candidates.get(number - 1)) {
                    return Ok(candidate.dot);
                }
            }
        }
        Err(Failure::Usage(format!(
            "revision {} had no value number {number} at `{path}`, or is not kept; `rejoin history --bodies` lists what it had",
            self.rev
        )))
    }
}
