//! `resolve`: settles open conflicts.

use clap::{ArgGroup, Args};
use rejoin_client::{BulkResolved, Bytes, Choice, Client, ConflictFilter, Policy, Unresolved, Written};
use rejoin_document::Dot;
use serde::Serialize;

use super::acknowledge::{self, WriteArguments};
use super::body::BodyArgument;
use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::{count, printable};
use super::time;

/// Settles open conflicts: of one document, or of all by a policy.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["path", "body", "all"]))]
#[command(group = ArgGroup::new("how").args(["value", "remove", "shown", "from", "candidate"]))]
#[command(after_help = json_help!(
    "{\"id\", \"revision\", \"left_open\"}, the document's revision after the write and its conflicts that are still open;"
    "with --all {\"documents\", \"settled\", \"left_open\"}, and \"failures\": [{\"id\", \"error\", \"message\"}] with exit status 1"
    "if some could not be settled.\n"
    "One --path takes one of --value, --remove, --shown, --from and --candidate. The path \"\" is a delete that met an edit (--shown"
    "keeps the document, --remove deletes it), or several open revisions of a whole document. What is set aside stays in"
    "the history. The same resolution made in another datacenter is no conflict."
))]
pub struct Resolve {
    /// The database
    database: String,
    /// The document's id; left out with --all
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// A path in conflict: a JSON pointer, as `conflicts` prints it
    #[arg(long, requires = "how")]
    path: Option<String>,
    /// Put this JSON text there
    #[arg(long, value_name = "JSON", requires = "path")]
    value: Option<String>,
    /// Remove what is there
    #[arg(long, requires = "path")]
    remove: bool,
    /// Keep what is shown
    #[arg(long, requires = "path")]
    shown: bool,
    /// Take the newest value that this datacenter wrote
    #[arg(long, value_name = "DATACENTER", conflicts_with = "body")]
    from: Option<String>,
    /// Take the candidate of this write: the `dot` that `conflicts DATABASE ID --json` prints
    #[arg(long, value_name = "DOT", requires = "path")]
    candidate: Option<Dot>,
    /// Settle everything by a whole new body; `-` reads it from standard input, `@FILE` from a file
    #[arg(long, value_name = "BODY", conflicts_with = "how")]
    body: Option<BodyArgument>,
    /// The revision whose conflicts were read: refused if the document has changed since
    #[arg(long, value_name = "REVISION", conflicts_with = "all")]
    rev: Option<String>,
    /// Settle the conflicts of all documents
    #[arg(long, requires = "policy", conflicts_with_all = ["acknowledge", "request_id"])]
    all: bool,
    /// With --all: newest, max, min, or from=DATACENTER
    // What it requires is not asked for where that conflicts with what else is there: so that is named as well, or one document's command settles all.
    #[arg(
        long,
        requires = "all",
        conflicts_with_all = ["id", "path", "value", "remove", "shown", "from", "candidate", "body", "rev"],
        value_parser = policy
    )]
    policy: Option<Policy>,
    /// With --all: only documents whose ids begin with this
    #[arg(long, requires = "all", conflicts_with = "id")]
    prefix: Option<String>,
    /// With --all: only conflicts at this path or below
    #[arg(long, value_name = "PATH", requires = "all", conflicts_with = "id")]
    at: Option<String>,
    /// With --all: only conflicts in which this datacenter has a candidate
    #[arg(long, requires = "all", conflicts_with = "id")]
    datacenter: Option<String>,
    /// With --all: only conflicts with a candidate written then or later: RFC 3339, e.g. 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", requires = "all", conflicts_with = "id", value_parser = time::parse_unix_ms)]
    since: Option<i64>,
    #[command(flatten)]
    acknowledge: WriteArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct ResolvedJson<'a> {
    id: &'a str,
    revision: String,
    left_open: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    durable_in: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_in: Option<&'a [String]>,
}

#[derive(Serialize)]
struct AllJson {
    documents: u64,
    settled: u64,
    left_open: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<FailureJson>,
}

#[derive(Serialize)]
struct FailureJson {
    id: String,
    error: String,
    message: String,
}

fn of(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

impl Resolve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.acknowledge.apply(&self.connection.client()?);
        if let Some(policy) = &self.policy {
            return self.all(&client, policy).await;
        }
        let id = self.id.clone().unwrap_or_default();
        let (written, left_open) = self.one(&client, &id).await?;
        let acknowledged = self.acknowledge.is_asked();
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&ResolvedJson {
                id: &id,
                revision: written.revision.to_string(),
                left_open,
                durable_in: acknowledged.then_some(&written.durable_in[..]),
                pending_in: acknowledged.then_some(&written.pending_in[..]),
            })?;
        } else {
            let left = match left_open {
                0 => "nothing is in conflict any more".to_owned(),
                1 => "1 conflict is still open".to_owned(),
                more => format!("{more} conflicts are still open"),
            };
            output.line(format_args!("resolved {} {}; {left}", printable(&id), written.revision))?;
            if acknowledged {
                output.line(acknowledge::text(&written))?;
            }
        }
        output.finish()
    }

    async fn one(&self, client: &Client, id: &str) -> Result<(Written, u32), Failure> {
        let rev = self.rev.as_deref();
        if let Some(body) = &self.body {
            let body = body.clone().read()?;
            return Ok(client.resolve_with(&self.database, id, body, rev).await?);
        }
        let choice = match (&self.value, &self.from, self.candidate) {
            (Some(text), _, _) => Choice::Value(Bytes::from(text.clone())),
            (_, Some(datacenter), _) => Choice::From(datacenter.clone()),
            (_, _, Some(dot)) => Choice::Candidate(dot),
            _ if self.remove => Choice::Removed,
            _ => Choice::Shown,
        };
        let choices = [(self.path.clone().unwrap_or_default(), choice)];
        Ok(client.resolve(&self.database, id, &choices, rev).await?)
    }

    async fn all(&self, client: &Client, policy: &Policy) -> Result<(), Failure> {
        let filter = ConflictFilter {
            id_prefix: self.prefix.clone().unwrap_or_default(),
            path: self.at.clone(),
            datacenter: self.datacenter.clone(),
            since_unix_ms: self.since.unwrap_or_default(),
        };
        let (mut total, mut after) = (
            AllJson {
                documents: 0,
                settled: 0,
                left_open: 0,
                failures: Vec::new(),
            },
            None,
        );
        loop {
            let BulkResolved {
                documents,
                settled,
                left_open,
                failures,
                next,
            } = client.resolve_all(&self.database, &filter, policy, 100, after).await?;
            total.documents += u64::from(documents);
            total.settled += u64::from(settled);
            total.left_open += u64::from(left_open);
            total.failures.extend(failures.into_iter().map(FailureJson::from));
            after = next;
            if after.is_none() {
                break;
            }
        }
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&total)?;
        } else {
            output.line(format_args!(
                "settled {} of {}; {} still open",
                of(total.settled, "conflict"),
                of(total.documents, "document"),
                count(total.left_open)
            ))?;
            for FailureJson { id, error, message } in &total.failures {
                output.line(format_args!("not settled: {}: {message} [{error}]", printable(id)))?;
            }
        }
        output.finish()?;
        if total.failures.is_empty() {
            Ok(())
        } else {
            Err(Failure::LinesRefused)
        }
    }
}

impl From<Unresolved> for FailureJson {
    fn from(unresolved: Unresolved) -> Self {
        let Unresolved { id, reason, message } = unresolved;
        let error = reason;
        Self { id, error, message }
    }
}

fn policy(text: &str) -> Result<Policy, String> {
    match text.split_once('=') {
        None if text == "newest" => Ok(Policy::Newest),
        None if text == "max" => Ok(Policy::Max),
        None if text == "min" => Ok(Policy::Min),
        Some(("from", datacenter)) if !datacenter.is_empty() => Ok(Policy::From(datacenter.to_owned())),
        _ => Err("the policies are newest, max, min and from=DATACENTER".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_named_or_a_datacenter() {
        assert_eq!(policy("newest"), Ok(Policy::Newest));
        assert_eq!(policy("from=dc-east"), Ok(Policy::From("dc-east".to_owned())));
        for wrong in ["", "from", "from=", "oldest", "max=1"] {
            assert!(policy(wrong).unwrap_err().contains("newest"), "{wrong}");
        }
    }
}
