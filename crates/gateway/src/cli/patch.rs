//! `patch` and `edit`: changes of a part of a document.

use std::str::FromStr;

use clap::{ArgGroup, Args};
use rejoin_client::{Bytes, Edit, Patch as ClientPatch};

use super::acknowledge::WriteArguments;
use super::body::BodyArgument;
use super::conditions::{ConditionArguments, OnConflictArgument};
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::write;

/// Changes a part of a document.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write, and \"conflicts\" if any are open.\n"
    "Without --json-patch the patch is a JSON Merge Patch (RFC 7396): members replace, null removes."
))]
pub struct Patch {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// The patch; `-` reads it from standard input, `@FILE` from a file
    patch: BodyArgument,
    /// The patch is a JSON Patch (RFC 6902): a list of operations
    #[arg(long)]
    json_patch: bool,
    #[command(flatten)]
    conditions: ConditionArguments,
    /// What to do if --rev is no longer current
    #[arg(long, value_enum, default_value_t, requires = "rev")]
    on_conflict: OnConflictArgument,
    /// An absent document begins empty; else it is refused
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Changes numbers and sets of a document without reading it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("edits").required(true).multiple(true))]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"merged\"}, the document's revision after the write, and \"conflicts\" if any are open.\n"
    "First the increments, then what is added, then what is removed. A number that is not there counts from 0."
))]
pub struct EditDocument {
    /// The database
    database: String,
    /// The document's id
    id: String,
    /// Add to an integer, e.g. /stock=-2
    #[arg(long, value_name = "PATH=NUMBER", group = "edits")]
    increment: Vec<At<i64>>,
    /// Add the elements of a JSON array to an array, e.g. '/tags=["vip"]'
    #[arg(long, value_name = "PATH=ARRAY", group = "edits")]
    add: Vec<At<String>>,
    /// Take the elements of a JSON array out of an array
    #[arg(long, value_name = "PATH=ARRAY", group = "edits")]
    remove: Vec<At<String>>,
    #[command(flatten)]
    conditions: ConditionArguments,
    /// What to do if --rev is no longer current
    #[arg(long, value_enum, default_value_t, requires = "rev")]
    on_conflict: OnConflictArgument,
    /// An absent document begins empty; else it is refused
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Something at a path. A path may contain `=`: the last one counts for numbers, the first one before `[` for arrays.
#[derive(Clone, Debug)]
struct At<T> {
    path: String,
    what: T,
}

impl FromStr for At<i64> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.rsplit_once('=').map(|(path, number)| (path, number.parse()));
        match parts {
            Some((path, Ok(what))) => Ok(Self {
                path: path.to_owned(),
                what,
            }),
            _ => Err("write PATH=NUMBER with a whole number, e.g. /stock=-2".to_owned()),
        }
    }
}

impl FromStr for At<String> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.find("=[") {
            Some(at) => Ok(Self {
                path: text[..at].to_owned(),
                what: text[at + 1..].to_owned(),
            }),
            None => Err("write PATH=ARRAY with a JSON array, e.g. '/tags=[\"vip\"]'".to_owned()),
        }
    }
}

impl Patch {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let text = self.patch.read()?;
        let patch = if self.json_patch {
            ClientPatch::Operations(text)
        } else {
            ClientPatch::Merge(text)
        };
        let conditions = self.conditions.with(self.on_conflict);
        let replaced = client
            .patch(&self.database, &self.id, patch, &conditions, self.create)
            .await?;
        write::print(
            &self.connection,
            &self.acknowledge,
            &write::Done {
                verb: "stored",
                id: &self.id,
                replaced: &replaced,
                with_previous: false,
            },
        )
    }
}

impl EditDocument {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let increments = self
            .increment
            .into_iter()
            .map(|At { path, what }| Edit::Increment { path, by: what });
        let additions = self.add.into_iter().map(|At { path, what }| Edit::Add {
            path,
            elements: Bytes::from(what),
        });
        let removals = self.remove.into_iter().map(|At { path, what }| Edit::Remove {
            path,
            elements: Bytes::from(what),
        });
        let patch = ClientPatch::Edits(increments.chain(additions).chain(removals).collect());
        let conditions = self.conditions.with(self.on_conflict);
        let replaced = client
            .patch(&self.database, &self.id, patch, &conditions, self.create)
            .await?;
        write::print(
            &self.connection,
            &self.acknowledge,
            &write::Done {
                verb: "stored",
                id: &self.id,
                replaced: &replaced,
                with_previous: false,
            },
        )
    }
}
