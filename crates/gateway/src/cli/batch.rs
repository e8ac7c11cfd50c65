//! `batch`: several writes, all or none, or each for itself.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use clap::Args;
use rejoin_client::{
    Batch as ClientBatch, BatchOutcome, BatchResult, Bytes, Conditions, Edit, Patch, Refusal, Replaced,
};
use rejoin_document::Checksum;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::acknowledge::{self, WriteArguments};
use super::body::BodyArgument;
use super::conditions::OnConflictArgument;
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::{self, Raw};
use super::table::printable;

/// Does several writes of one database: all of them or none.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"results\": [{\"id\", \"revision\", \"merged\"}]}, in the order of the writes, with \"repeated\": true if the"
    "batch was done before under its request id; with --independent a write that was refused is"
    "{\"id\", \"error\", \"message\"}, one that did not match {\"id\", \"matched\": false, \"revision\", \"body\"}, and the"
    "exit status is 1.\n"
    "Each line is one write, at most 1000: {\"op\": \"create\", \"id\", \"body\"}, {\"op\": \"update\", \"id\", \"body\"},"
    "{\"op\": \"patch\", \"id\", \"patch\"} (a merge patch, or the array of a JSON Patch), {\"op\": \"edit\", \"id\","
    "\"increment\": {PATH: NUMBER}, \"add\": {PATH: ARRAY}, \"remove\": {PATH: ARRAY}}, {\"op\": \"cas\", \"id\","
    "\"expected\", \"body\"}, {\"op\": \"delete\", \"id\"}, with \"expected\" only if it is so. Update, patch, edit and"
    "delete take \"rev\" and \"checksum\", update, patch and edit \"on_conflict\": \"merge\", \"reject-stale\" or"
    "\"keep-branch\", patch and edit \"create\": true for an absent document.\n"
    "With --acknowledge each stored write has \"durable_in\" and \"pending_in\". With --request-id each write of the"
    "batch is done once, however often the batch is sent."
))]
pub struct Batch {
    /// The database
    database: String,
    /// The writes, one JSON object a line; `-` reads them from standard input, `@FILE` from a file
    writes: BodyArgument,
    /// Do each write for itself: one that is refused does not touch the others
    #[arg(long)]
    independent: bool,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    op: Op,
    id: String,
    #[serde(default, borrow, deserialize_with = "given")]
    body: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    expected: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "given")]
    patch: Option<&'a RawValue>,
    #[serde(default)]
    increment: Paths<i64>,
    #[serde(default, borrow)]
    add: Paths<&'a RawValue>,
    #[serde(default, borrow)]
    remove: Paths<&'a RawValue>,
    #[serde(default)]
    create: bool,
    #[serde(default, deserialize_with = "given")]
    rev: Option<String>,
    #[serde(default, deserialize_with = "given")]
    checksum: Option<String>,
    #[serde(default, deserialize_with = "given")]
    on_conflict: Option<OnConflictArgument>,
}

/// What is there is meant, also a `null`: taken for absent it would make a write of a condition that failed to be filled in unconditional.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What is done at some paths. Of a path that is named twice JSON would keep the last, silently.
struct Paths<T>(BTreeMap<String, T>);

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Paths<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PathsVisitor(PhantomData))
    }
}

struct PathsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PathsVisitor<T> {
    type Value = Paths<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with a JSON pointer for each member, as {\"/stock\": 1}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut paths = BTreeMap::new();
        while let Some((path, what)) = map.next_entry::<String, T>()? {
            if paths.contains_key(&path) {
                return Err(A::Error::custom(format_args!("the path {path:?} is named twice")));
            }
            paths.insert(path, what);
        }
        Ok(Paths(paths))
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Create,
    Update,
    Patch,
    Edit,
    Cas,
    Delete,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ResultJson<'a> {
    Stored {
        id: &'a str,
        revision: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        made_revision: Option<String>,
        merged: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        repeated: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        durable_in: Option<&'a [String]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pending_in: Option<&'a [String]>,
    },
    Unmatched {
        id: &'a str,
        matched: bool,
        revision: String,
        /// Null if the answer would have been too large with it.
        body: Option<Raw>,
    },
    Refused {
        id: &'a str,
        error: &'a str,
        message: &'a str,
    },
}

impl Batch {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        let text = self.writes.read()?;
        let (mut batch, mut ids) = (ClientBatch::new(), Vec::new());
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            if !line.iter().all(u8::is_ascii_whitespace) {
                let invalid = |problem: String| Failure::Usage(format!("line {number}: {problem}"));
                if line.trim_ascii_start().first() != Some(&b'{') {
                    return Err(invalid(
                        "a write is a JSON object, and a file of writes is named @FILE".to_owned(),
                    ));
                }
                let line: Line<'_> = serde_json::from_slice(line).map_err(|error| invalid(error.to_string()))?;
                ids.push(line.id.clone());
                batch = line.add_to(batch).map_err(invalid)?;
            }
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
        print(&self.connection, &outcomes, self.acknowledge.is_asked())?;
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
        is_shortened: false,
    }
}

fn print(connection: &Connection, outcomes: &[BatchOutcome], acknowledged: bool) -> Result<(), Failure> {
    let mut output = connection.output();
    if connection.json {
        let mut list = output.json_list("results")?;
        for outcome in outcomes {
            list.item(&ResultJson::new(outcome, acknowledged))?;
        }
        list.end()?;
        return output.finish();
    }
    for BatchOutcome { id, result, .. } in outcomes {
        let id = printable(id);
        match result {
            BatchResult::Stored(Replaced { written, .. }) => {
                let repeated = if written.repeated { ", as before" } else { "" };
                output.line(format_args!("stored {id} {}{repeated}", written.revision))?
            }
            BatchResult::Unmatched(version) => {
                output.line(format_args!("not as expected: {id} {}", version.revision))?;
            }
            BatchResult::Refused(refusal) => output.line(format_args!("refused {id}: {}", refusal.message))?,
        }
    }
    let stored = outcomes.iter().find_map(|outcome| match &outcome.result {
        BatchResult::Stored(replaced) => Some(&replaced.written),
        _ => None,
    });
    if let Some(written) = stored.filter(|_| acknowledged) {
        output.line(acknowledge::text(written))?;
    }
    output.finish()
}

impl Line<'_> {
    fn add_to(self, batch: ClientBatch) -> Result<ClientBatch, String> {
        self.check()?;
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
            on_conflict: self.on_conflict.unwrap_or_default().into(),
        };
        let id = self.id.as_str();
        Ok(match self.op {
            Op::Create => batch.create(id, text(self.body, "body")?),
            Op::Update => batch.update(id, text(self.body, "body")?, &conditions),
            Op::Patch => batch.patch(id, patch(text(self.patch, "patch")?), &conditions, self.create),
            Op::Edit => {
                let edits = edits(self.increment.0, &self.add.0, &self.remove.0)?;
                batch.patch(id, edits, &conditions, self.create)
            }
            Op::Cas => batch.compare_and_swap(id, text(self.expected, "expected")?, text(self.body, "body")?),
            Op::Delete if self.expected.is_some() => batch.compare_and_delete(id, text(self.expected, "expected")?),
            Op::Delete => batch.delete(id, &conditions),
        })
    }
}

impl Line<'_> {
    /// Nothing that the line asks for is passed over.
    fn check(&self) -> Result<(), String> {
        let (name, taken): (_, &[&str]) = match self.op {
            Op::Create => ("create", &["body"]),
            Op::Update => ("update", &["body", "rev", "checksum", "on_conflict"]),
            Op::Patch => ("patch", &["patch", "create", "rev", "checksum", "on_conflict"]),
            Op::Edit => (
                "edit",
                &["increment", "add", "remove", "create", "rev", "checksum", "on_conflict"],
            ),
            Op::Cas => ("cas", &["expected", "body"]),
            Op::Delete if self.expected.is_some() => ("delete with \"expected\"", &["expected"]),
            Op::Delete => ("delete", &["expected", "rev", "checksum"]),
        };
        let given = [
            ("body", self.body.is_some()),
            ("expected", self.expected.is_some()),
            ("patch", self.patch.is_some()),
            ("increment", !self.increment.0.is_empty()),
            ("add", !self.add.0.is_empty()),
            ("remove", !self.remove.0.is_empty()),
            ("create", self.create),
            ("rev", self.rev.is_some()),
            ("checksum", self.checksum.is_some()),
            ("on_conflict", self.on_conflict.is_some()),
        ];
        let strange = given.iter().find(|(member, given)| *given && !taken.contains(member));
        strange.map_or(Ok(()), |(member, _)| {
            Err(format!("{name} does not take {member:?}, but {}", taken.join(", ")))
        })
    }
}

/// A JSON Patch is an array, and a merge patch is none.
fn patch(text: Bytes) -> Patch {
    if text.first() == Some(&b'[') {
        Patch::Operations(text)
    } else {
        Patch::Merge(text)
    }
}

fn edits(
    increment: BTreeMap<String, i64>,
    add: &BTreeMap<String, &RawValue>,
    remove: &BTreeMap<String, &RawValue>,
) -> Result<Patch, String> {
    let elements = |array: &RawValue| Bytes::from(array.get().to_owned());
    let increments = increment.into_iter().map(|(path, by)| Edit::Increment { path, by });
    let additions = add.iter().map(|(path, array)| Edit::Add {
        path: path.clone(),
        elements: elements(array),
    });
    let removals = remove.iter().map(|(path, array)| Edit::Remove {
        path: path.clone(),
        elements: elements(array),
    });
    let edits: Vec<_> = increments.chain(additions).chain(removals).collect();
    if edits.is_empty() {
        return Err("an edit needs \"increment\", \"add\" or \"remove\"".to_owned());
    }
    Ok(Patch::Edits(edits))
}

impl<'a> ResultJson<'a> {
    fn new(outcome: &'a BatchOutcome, acknowledged: bool) -> Self {
        let id = outcome.id.as_str();
        match &outcome.result {
            BatchResult::Stored(Replaced { written, .. }) => Self::Stored {
                id,
                revision: written.revision.to_string(),
                made_revision: json::made_revision(written),
                merged: written.merged,
                repeated: written.repeated,
                durable_in: acknowledged.then_some(&written.durable_in[..]),
                pending_in: acknowledged.then_some(&written.pending_in[..]),
            },
            BatchResult::Unmatched(version) => Self::Unmatched {
                id,
                matched: false,
                revision: version.revision.to_string(),
                body: (!outcome.is_shortened).then(|| Raw::new(&version.body)),
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
