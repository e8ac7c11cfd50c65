//! One side of a replication: a database of this node, or of another server.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use rejoin_document::{
    DatabaseName, DocumentId, Granularity, Object, Revision, Sequence, Value, parse_body, parse_stored_value,
};
use rejoin_store::{CommitError, DocumentChange};
use serde::Deserialize;

use super::answer::quoted;
use super::error::{self, HttpError};
use super::flavour::{Flavour, Since};
use super::query::{self, Query};
use super::remote::Remote;
use super::{bulk_docs, database, document, local, revs_diff};
use crate::access::Principal;
use crate::node::{NodeContext, long_read};

/// Changes that are compared at once.
const PAGE: usize = 100;

/// Revisions that are fetched at once from another server.
const REVISIONS_AT_ONCE: usize = 50;

/// Bytes of documents that are sent at once, exceeded only by a single one.
const SENT_BYTES_MAX: usize = 4 << 20;

/// One side.
pub(super) enum End {
    Here(DatabaseName),
    There(Box<Remote>),
}

/// A piece of a log: each document with its open revisions.
pub(super) struct Piece {
    pub documents: BTreeMap<String, Vec<Revision>>,
    /// Where to go on, as JSON.
    pub last: String,
    pub finished: bool,
}

/// What one side lacks of the other's revisions.
#[derive(Default)]
pub(super) struct Lacking {
    pub revisions: Vec<(String, Vec<Revision>)>,
    /// Revisions of documents that it cannot hold.
    pub refused: u64,
}

/// Documents as texts, as many together as are sent at once.
fn pieces(documents: &[Value]) -> Vec<Vec<String>> {
    let (mut pieces, mut bytes) = (Vec::<Vec<String>>::new(), usize::MAX);
    for text in documents.iter().map(Value::to_json) {
        if bytes.saturating_add(text.len()) > SENT_BYTES_MAX {
            pieces.push(Vec::new());
            bytes = 0;
        }
        bytes += text.len();
        if let Some(piece) = pieces.last_mut() {
            piece.push(text);
        }
    }
    pieces
}

/// A database here by its name, or one at another server by its address.
///
/// # Errors
/// It is not there, or the other server does not answer.
pub(super) async fn end(context: &NodeContext, who: &Principal, text: &str, create: bool) -> Result<End, HttpError> {
    if text.contains("://") {
        let remote = Remote::new(text)?;
        if create && remote.ask(Method::GET, "", None).await?.is_none() {
            remote.ask(Method::PUT, "", None).await?;
        }
        return match remote.ask(Method::GET, "", None).await? {
            Some(_) => Ok(End::There(Box::new(remote))),
            None => Err(no_database(remote.url())),
        };
    }
    if create {
        database::parse(context, text)?;
        // It may be there.
        match database::create(context, who, text, Granularity::Document).await {
            Ok(_) => {}
            Err(error) if error.status == StatusCode::PRECONDITION_FAILED => {}
            Err(error) => return Err(error),
        }
    }
    let name = database::name(context, text);
    name.map(End::Here).map_err(|error| match error.status {
        StatusCode::NOT_FOUND => no_database(text),
        _ => error,
    })
}

fn no_database(text: &str) -> HttpError {
    HttpError::new(
        StatusCode::NOT_FOUND,
        "db_not_found",
        format!("could not open {text}; create it first, or say create_target"),
    )
}

impl End {
    /// Whether revisions of other databases can be brought here; another server says so itself.
    ///
    /// # Errors
    /// The members of its documents merge.
    pub(super) fn takes_revisions(&self, context: &NodeContext) -> Result<(), HttpError> {
        let Self::Here(name) = self else { return Ok(()) };
        let definition = context.store.definition(name);
        if definition.is_some_and(|definition| definition.granularity == Granularity::Field) {
            return Err(CommitError::RevisionsFollow { database: name.base() }.into());
        }
        Ok(())
    }

    /// Names it among all that replicate with the same databases.
    pub(super) fn name(&self, context: &NodeContext) -> String {
        match self {
            Self::Here(name) => format!("{} {name}", context.store.identity().datacenter),
            Self::There(remote) => remote.url().to_owned(),
        }
    }

    /// A document that stays at this side, with its revision.
    pub(super) async fn local(&self, context: &NodeContext, id: &str) -> Result<Option<(String, Object)>, HttpError> {
        match self {
            Self::Here(name) => {
                let found = context.store.local(name, id)?;
                Ok(found.map(|(count, body)| (format!("0-{count}"), body)))
            }
            Self::There(remote) => {
                let Some(answer) = remote.ask(Method::GET, &format!("/_local/{id}"), None).await? else {
                    return Ok(None);
                };
                let Value::Object(document) = parse_stored_value(&answer)? else {
                    return Err(remote.failed("its _local document is no object"));
                };
                Ok(match document.get("_rev") {
                    Some(Value::String(revision)) => Some((revision.to_string(), document)),
                    _ => None,
                })
            }
        }
    }

    /// Writes a document that stays at this side in the place of `revision`, and tells its new one. `members` are those of a JSON object.
    pub(super) async fn put_local(
        &self,
        context: &NodeContext,
        id: &str,
        revision: Option<&str>,
        members: &str,
    ) -> Result<String, HttpError> {
        match self {
            Self::Here(name) => {
                let base = local::count(revision)?;
                let body = parse_body(format!("{{{members}}}").as_bytes(), &context.limits())?;
                let number = local::store(context, name, id, base, Some(Arc::new(body))).await?;
                Ok(format!("0-{number}"))
            }
            Self::There(remote) => {
                let revision = revision.map(|revision| format!("\"_rev\":{},", quoted(revision)));
                let body = format!("{{{}{members}}}", revision.unwrap_or_default());
                let answer = remote.ask(Method::PUT, &format!("/_local/{id}"), Some(body)).await?;
                #[derive(Deserialize)]
                struct Stored {
                    rev: String,
                }
                let stored: Option<Stored> = answer.and_then(|answer| serde_json::from_slice(&answer).ok());
                stored
                    .map(|stored| stored.rev)
                    .ok_or_else(|| remote.failed("it does not keep _local documents"))
            }
        }
    }

    pub(super) async fn changes(&self, context: &NodeContext, since: &str) -> Result<Piece, HttpError> {
        match self {
            Self::Here(name) => here_changes(context, name, since),
            Self::There(remote) => there_changes(remote, since).await,
        }
    }

    pub(super) async fn missing(
        &self,
        context: &NodeContext,
        documents: BTreeMap<String, Vec<Revision>>,
    ) -> Result<Lacking, HttpError> {
        let mut lacking = Lacking::default();
        match self {
            Self::Here(name) => {
                for (id, revisions) in documents {
                    let count = revisions.len() as u64;
                    match revs_diff::missing(context, name, &id, revisions) {
                        Ok(missing) if missing.revisions.is_empty() => {}
                        Ok(missing) => lacking.revisions.push((id, missing.revisions)),
                        // Its id is none here: it holds up nothing behind it.
                        Err(error) if error.status == StatusCode::BAD_REQUEST => lacking.refused += count,
                        Err(error) => return Err(error),
                    }
                }
                Ok(lacking)
            }
            Self::There(_) if documents.is_empty() => Ok(lacking),
            Self::There(remote) => {
                let asked = documents.iter().map(|(id, revisions)| {
                    let revisions: Vec<_> = revisions.iter().map(|revision| quoted(&revision.to_string())).collect();
                    format!("{}:[{}]", quoted(id), revisions.join(","))
                });
                let asked = format!("{{{}}}", asked.collect::<Vec<_>>().join(","));
                let answer = remote.ask(Method::POST, "/_revs_diff", Some(asked)).await?;
                #[derive(Deserialize)]
                struct Missing {
                    missing: Vec<String>,
                }
                let answer: Option<BTreeMap<String, Missing>> =
                    answer.and_then(|answer| serde_json::from_slice(&answer).ok());
                let answer = answer.ok_or_else(|| remote.failed("it does not know _revs_diff"))?;
                let parsed = answer.into_iter().map(|(id, missing)| {
                    let revisions = missing.missing.iter().map(|text| query::revision(text));
                    Ok((id, revisions.collect::<Result<Vec<_>, HttpError>>()?))
                });
                lacking.revisions = parsed.collect::<Result<_, HttpError>>()?;
                Ok(lacking)
            }
        }
    }

    pub(super) async fn fetch(
        &self,
        context: &NodeContext,
        id: &str,
        revisions: &[Revision],
    ) -> Result<Vec<Value>, HttpError> {
        match self {
            Self::Here(name) => {
                let document: DocumentId = id.parse().map_err(error::id)?;
                let Some(found) = long_read(|| context.store.opened(name, &document))? else {
                    return Ok(Vec::new());
                };
                let history = Query::parse("revs=true")?;
                let mut documents = Vec::new();
                for revision in revisions {
                    let json = document::revision_json(context, name, &document, &found, revision, &history)?;
                    if let Some(json) = json {
                        documents.push(parse_stored_value(json.as_bytes())?);
                    }
                }
                Ok(documents)
            }
            Self::There(remote) => {
                let mut documents = Vec::new();
                // They stand in an address.
                for revisions in revisions.chunks(REVISIONS_AT_ONCE) {
                    let revisions: Vec<_> = revisions.iter().map(|revision| quoted(&revision.to_string())).collect();
                    let revisions = encoded(&format!("[{}]", revisions.join(",")));
                    let path = format!("/{}?revs=true&latest=true&open_revs={revisions}", encoded(id));
                    let answer = remote.ask(Method::GET, &path, None).await?.unwrap_or_default();
                    let Value::Array(rows) = parse_stored_value(&answer)? else {
                        return Err(remote.failed("open_revs is no list"));
                    };
                    let document = |row: &Value| row.as_object()?.get("ok").cloned();
                    documents.extend(rows.iter().filter_map(document));
                }
                Ok(documents)
            }
        }
    }

    /// Stores revisions under their own names; how many were refused.
    pub(super) async fn store(&self, context: &NodeContext, documents: &[Value]) -> Result<u64, HttpError> {
        let refused = match self {
            Self::Here(name) => {
                let refused = bulk_docs::store(context, name, documents, false).await?;
                refused.iter().filter(|row| row.contains("\"error\":")).count()
            }
            Self::There(remote) => {
                let mut refused = 0;
                for texts in pieces(documents) {
                    let body = format!("{{\"new_edits\":false,\"docs\":[{}]}}", texts.join(","));
                    // What it does not take for its own sake is told as such, and holds up nothing behind it.
                    let Some(answer) = remote.ask_for("/_bulk_docs", body).await? else {
                        refused += texts.len();
                        continue;
                    };
                    let Ok(Value::Array(rows)) = parse_stored_value(&answer) else {
                        return Err(remote.failed("_bulk_docs is no list"));
                    };
                    let is_refused = |row: &&Value| row.as_object().is_some_and(|row| row.get("error").is_some());
                    refused += rows.iter().filter(is_refused).count();
                }
                refused
            }
        };
        Ok(refused as u64)
    }
}

fn here_changes(context: &NodeContext, name: &DatabaseName, since: &str) -> Result<Piece, HttpError> {
    // A sequence of a log that is gone begins at the start.
    let sequences = Flavour::CouchDb(context.store.position(name).incarnation);
    let after = match sequences.since(since) {
        Some(Since::After { sequence, .. }) => sequence,
        Some(Since::Now) | None => Sequence(0),
    };
    let page = long_read(|| context.store.changes(name, after, PAGE))?;
    let revisions = |change: &DocumentChange| change.leaves.iter().map(|leaf| leaf.revision.clone()).collect();
    let documents = page
        .changes
        .iter()
        .map(|change| (change.id.to_string(), revisions(change)));
    Ok(Piece {
        documents: documents.collect(),
        last: sequences.sequence(page.to),
        finished: page.finished,
    })
}

async fn there_changes(remote: &Remote, since: &str) -> Result<Piece, HttpError> {
    let path = format!(
        "/_changes?style=all_docs&limit={PAGE}&since={}",
        encoded(since.trim_matches('"'))
    );
    let answer = remote.ask(Method::GET, &path, None).await?;
    let answer = answer.ok_or_else(|| remote.failed("it has no _changes"))?;
    let malformed = || remote.failed("its _changes are none");
    let Value::Object(feed) = parse_stored_value(&answer)? else {
        return Err(malformed());
    };
    let Some(Value::Array(rows)) = feed.get("results") else {
        return Err(malformed());
    };
    let mut documents = BTreeMap::new();
    for row in rows {
        let (id, revisions) = row.as_object().and_then(of_row).ok_or_else(malformed)?;
        // A row that is no document's, as that of an account.
        if !revisions.is_empty() {
            documents.insert(id, revisions);
        }
    }
    Ok(Piece {
        documents,
        last: feed.get("last_seq").ok_or_else(malformed)?.to_json(),
        finished: rows.len() < PAGE,
    })
}

fn of_row(row: &Object) -> Option<(String, Vec<Revision>)> {
    let (Some(Value::String(id)), Some(Value::Array(changes))) = (row.get("id"), row.get("changes")) else {
        return None;
    };
    let revision = |change: &Value| match change.as_object()?.get("rev")? {
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    Some((id.to_string(), changes.iter().filter_map(revision).collect()))
}

/// Percent-encodes what cannot stand in a segment or a parameter.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match plain(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
