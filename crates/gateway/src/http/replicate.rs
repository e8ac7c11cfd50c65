//! `POST /_replicate`: brings what one database has to another one, once. Either may be here or at another server.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Object, Revision, Value, parse_stored_value};
use rejoin_store::DocumentChange;
use serde::Deserialize;

use super::answer::{self, quoted};
use super::body::Request;
use super::error::{self, HttpError};
use super::query::{self, Query};
use super::remote::Remote;
use super::{bulk_docs, database, document, revs_diff};
use crate::node::{NodeContext, long_read};

/// Changes that are compared at once.
const PAGE: usize = 100;

#[derive(Deserialize)]
struct Asked {
    source: Place,
    target: Place,
    #[serde(default)]
    create_target: bool,
    #[serde(default)]
    continuous: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Name(String),
    Address { url: String },
}

impl Place {
    fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Address { url: text } => text,
        }
    }
}

/// One side.
enum End {
    Here(DatabaseName),
    There(Box<Remote>),
}

/// What was done.
#[derive(Default)]
struct Figures {
    checked: u64,
    found: u64,
    read: u64,
    written: u64,
    failures: u64,
}

/// A piece of a log: each document with its open revisions.
struct Piece {
    documents: BTreeMap<String, Vec<Revision>>,
    /// Where to go on, as JSON.
    last: String,
    finished: bool,
}

pub(super) async fn post(context: &NodeContext, request: &mut Request) -> Result<Response, HttpError> {
    let text = request.json(1 << 20).await?;
    let asked: Asked = serde_json::from_slice(&text)
        .map_err(|error| HttpError::bad_request(format!("the body names a `source` and a `target`: {error}")))?;
    if asked.continuous {
        let reason = "a replication runs once here; ask again when there is more";
        return Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", reason));
    }
    let source = end(context, asked.source.text(), false).await?;
    let target = end(context, asked.target.text(), asked.create_target).await?;
    let (mut since, mut figures) = ("0".to_owned(), Figures::default());
    loop {
        let piece = source.changes(context, &since).await?;
        since = piece.last;
        figures.checked += piece
            .documents
            .values()
            .map(|revisions| revisions.len() as u64)
            .sum::<u64>();
        let missing = target.missing(context, piece.documents).await?;
        for (id, revisions) in missing {
            figures.found += revisions.len() as u64;
            let documents = source.fetch(context, &id, &revisions).await?;
            figures.read += documents.len() as u64;
            let failures = target.store(context, &documents).await?;
            figures.failures += failures;
            figures.written += (documents.len() as u64).saturating_sub(failures);
        }
        if piece.finished {
            return Ok(answer::text(StatusCode::OK, told(&since, &figures)));
        }
    }
}

fn told(last: &str, figures: &Figures) -> String {
    let session = quoted(&format!("{:032x}", rand::random::<u128>()));
    let Figures {
        checked,
        found,
        read,
        written,
        failures,
    } = figures;
    format!(
        "{{\"ok\":true,\"session_id\":{session},\"source_last_seq\":{last},\"replication_id_version\":4,\"history\":[{{\"session_id\":{session},\
         \"start_last_seq\":0,\"end_last_seq\":{last},\"recorded_seq\":{last},\"missing_checked\":{checked},\"missing_found\":{found},\
         \"docs_read\":{read},\"docs_written\":{written},\"doc_write_failures\":{failures}}}]}}\n"
    )
}

async fn end(context: &NodeContext, text: &str, create: bool) -> Result<End, HttpError> {
    let granularity = context.http.granularity;
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
        // It may be there.
        match database::create(context, text, granularity).await {
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
    async fn changes(&self, context: &NodeContext, since: &str) -> Result<Piece, HttpError> {
        match self {
            Self::Here(name) => here_changes(context, name, since),
            Self::There(remote) => there_changes(remote, since).await,
        }
    }

    async fn missing(
        &self,
        context: &NodeContext,
        documents: BTreeMap<String, Vec<Revision>>,
    ) -> Result<Vec<(String, Vec<Revision>)>, HttpError> {
        match self {
            Self::Here(name) => {
                let mut missing = Vec::new();
                for (id, revisions) in documents {
                    let found = revs_diff::missing(context, name, &id, revisions)?.revisions;
                    if !found.is_empty() {
                        missing.push((id, found));
                    }
                }
                Ok(missing)
            }
            Self::There(_) if documents.is_empty() => Ok(Vec::new()),
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
                parsed.collect()
            }
        }
    }

    async fn fetch(&self, context: &NodeContext, id: &str, revisions: &[Revision]) -> Result<Vec<Value>, HttpError> {
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
                let revisions: Vec<_> = revisions.iter().map(|revision| quoted(&revision.to_string())).collect();
                let revisions = encoded(&format!("[{}]", revisions.join(",")));
                let path = format!("/{}?revs=true&latest=true&open_revs={revisions}", encoded(id));
                let answer = remote.ask(Method::GET, &path, None).await?.unwrap_or_default();
                let Value::Array(rows) = parse_stored_value(&answer)? else {
                    return Err(remote.failed("open_revs is no list"));
                };
                let document = |row: &Value| row.as_object()?.get("ok").cloned();
                Ok(rows.iter().filter_map(document).collect())
            }
        }
    }

    /// Stores revisions under their own names; how many were refused.
    async fn store(&self, context: &NodeContext, documents: &[Value]) -> Result<u64, HttpError> {
        let refused = match self {
            Self::Here(name) => {
                let refused = bulk_docs::store(context, name, documents, false).await?;
                refused.iter().filter(|row| row.contains("\"error\":")).count()
            }
            Self::There(remote) => {
                let texts: Vec<_> = documents.iter().map(Value::to_json).collect();
                let body = format!("{{\"new_edits\":false,\"docs\":[{}]}}", texts.join(","));
                let answer = remote
                    .ask(Method::POST, "/_bulk_docs", Some(body))
                    .await?
                    .unwrap_or_default();
                let Ok(Value::Array(rows)) = parse_stored_value(&answer) else {
                    return Err(remote.failed("_bulk_docs is no list"));
                };
                let is_refused = |row: &&Value| row.as_object().is_some_and(|row| row.get("error").is_some());
                rows.iter().filter(is_refused).count()
            }
        };
        Ok(refused as u64)
    }
}

fn here_changes(context: &NodeContext, name: &DatabaseName, since: &str) -> Result<Piece, HttpError> {
    let after = rejoin_document::Sequence(since.parse().unwrap_or(0));
    let page = long_read(|| context.store.changes(name, after, PAGE))?;
    let revisions = |change: &DocumentChange| change.leaves.iter().map(|leaf| leaf.revision.clone()).collect();
    let documents = page
        .changes
        .iter()
        .map(|change| (change.id.to_string(), revisions(change)));
    Ok(Piece {
        documents: documents.collect(),
        last: page.to.0.to_string(),
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
