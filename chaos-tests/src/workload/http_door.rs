//! A node as clients of its HTTP interface meet it: documents of one database, read and written as CouchDB's are.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rejoin_document::Value;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::history::{Outcome, Stamp};
use crate::view::{Body, Picture, View};

/// A client waits so long for an answer.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// Changes that are read at once.
const PAGE: usize = 500;

/// A client of a node's HTTP interface.
#[derive(Clone, Debug)]
pub struct HttpDoor {
    client: Client<HttpConnector, Full<Bytes>>,
    /// The database's address, without a slash at its end.
    database: String,
}

/// What a document showed: its revision, and its body without the members of the protocol.
type Shown = (String, Body);

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
pub enum HttpFailure {
    /// The node cannot be reached: nothing was sent.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// Nobody knows what became of the request.
    #[error("{0}")]
    Unanswered(String),
}

/// An answer with its head.
struct Answer {
    status: StatusCode,
    head: HeaderMap,
    body: Bytes,
}

/// What a write is answered.
#[derive(Deserialize)]
struct Stored {
    rev: String,
    #[serde(default)]
    merged: bool,
}

/// Why a request is refused.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl HttpDoor {
    /// The database of this name at the node that serves HTTP at `url`.
    pub fn new(url: &str, database: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_millis(400)));
        Self {
            // A connection for each request: one that a node left behind is never written to.
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector),
            database: format!("{url}/{database}"),
        }
    }

    /// Reads a document; `None`: absent or deleted.
    ///
    /// # Errors
    /// There is no answer, or it is a refusal.
    pub async fn get(&self, document: &str) -> Result<Option<Shown>, HttpFailure> {
        let answer = self.ask(Method::GET, &format!("/{document}"), Bytes::new()).await?;
        match answer.status {
            StatusCode::OK => shown(&answer.body).map(Some).map_err(malformed),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(HttpFailure::Unanswered(format!("a read is answered with {status}"))),
        }
    }

    /// Stores a document, or deletes it (`None`), where `base` is what was read; what became of that.
    pub async fn write(&self, document: &str, base: Option<&str>, body: Option<Bytes>) -> Outcome {
        let path = match base {
            Some(base) => format!("/{document}?rev={base}"),
            None => format!("/{document}"),
        };
        let method = if body.is_some() { Method::PUT } else { Method::DELETE };
        match self.ask(method, &path, body.unwrap_or_default()).await {
            Ok(answer) => answer.outcome(),
            Err(HttpFailure::Unreachable(_)) => Outcome::Refused {
                reason: "NEVER_SENT".to_owned(),
            },
            Err(error) => Outcome::Unknown {
                problem: error.to_string(),
            },
        }
    }

    /// What the interface shows of the database when nothing is being written: what its feed of changes tells, and no digest, as it has none. It tells
    /// which documents are in conflict, and not of what the candidates are: those are taken from `known`, where it agrees.
    ///
    /// # Errors
    /// There is no answer, or it makes no sense.
    pub async fn picture(&self, known: &Picture) -> anyhow::Result<Picture> {
        let mut picture = Picture::default();
        let mut since = "0".to_owned();
        loop {
            let feed = self.feed(&since).await?;
            let count = feed.results.len();
            for row in feed.results {
                picture.documents.remove(&row.id);
                if row.deleted {
                    continue;
                }
                let (revision, body) = shown(row.doc.get().as_bytes())?;
                let conflicts = known.documents.get(&row.id).map(|view| view.conflicts.clone());
                let conflicts = conflicts.unwrap_or_default();
                let open = is_open(row.doc.get(), "/_conflicts")?;
                anyhow::ensure!(!open || !conflicts.is_empty(), "{}: only HTTP lists a conflict", row.id);
                // A delete that met an edit is listed where somebody asks for it.
                let open = open || (!conflicts.is_empty() && self.lists_a_delete(&row.id).await?);
                let conflicts = if open { conflicts } else { Vec::new() };
                let view = View {
                    revision,
                    body,
                    conflicts,
                };
                picture.documents.insert(row.id, view);
            }
            since = feed.last_seq;
            if count < PAGE {
                break;
            }
        }
        let shown = picture.documents.iter().filter(|(_, view)| !view.conflicts.is_empty());
        let paths = |view: &View| view.conflicts.iter().map(|conflict| conflict.path.clone()).collect();
        picture.conflicts = shown.map(|(id, view)| (id.clone(), paths(view))).collect();
        Ok(picture)
    }

    async fn lists_a_delete(&self, document: &str) -> anyhow::Result<bool> {
        let path = format!("/{document}?deleted_conflicts=true");
        let answer = self.ask(Method::GET, &path, Bytes::new()).await?;
        is_open(std::str::from_utf8(&answer.body)?, "/_deleted_conflicts")
    }

    async fn feed(&self, since: &str) -> anyhow::Result<Feed> {
        let path = format!("/_changes?include_docs=true&conflicts=true&limit={PAGE}&since={since}");
        let answer = self.ask(Method::GET, &path, Bytes::new()).await?;
        anyhow::ensure!(
            answer.status == StatusCode::OK,
            "a feed is answered with {}",
            answer.status
        );
        serde_json::from_slice(&answer.body).context("a feed that no node should hand out")
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, HttpFailure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.database))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| HttpFailure::Unreachable(error.to_string()))?;
        let asking = async {
            let answer = self.client.request(request).await.map_err(|error| {
                let text = error
                    .source()
                    .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
                match error.is_connect() {
                    true => HttpFailure::Unreachable(text),
                    false => HttpFailure::Unanswered(text),
                }
            })?;
            let (head, body) = answer.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|error| HttpFailure::Unanswered(error.to_string()))?;
            Ok(Answer {
                status: head.status,
                head: head.headers,
                body: body.to_bytes(),
            })
        };
        let answered = tokio::time::timeout(DEADLINE, asking).await;
        answered.unwrap_or_else(|_| Err(HttpFailure::Unanswered("it took too long".to_owned())))
    }
}

impl Answer {
    /// What became of a write.
    fn outcome(&self) -> Outcome {
        let stored: Option<Stored> = serde_json::from_slice(&self.body).ok();
        let stamp = || Some(Stamp(self.head.get("rejoin-dot")?.to_str().ok()?.parse().ok()?));
        if self.status.is_success() {
            return match stored.zip(stamp()) {
                Some((Stored { rev, merged }, stamp)) => Outcome::Ok {
                    revision: rev,
                    stamp,
                    merged,
                },
                None => Outcome::Unknown {
                    problem: format!("an answer that makes no sense: {:?}", self.body),
                },
            };
        }
        let refused: Option<Refused> = serde_json::from_slice(&self.body).ok();
        match refused {
            // The node does not know what became of it either, or something between us speaks for it.
            Some(Refused { error }) if self.status != StatusCode::INTERNAL_SERVER_ERROR => {
                Outcome::Refused { reason: error }
            }
            _ => Outcome::Unknown {
                problem: format!("{}: {:?}", self.status, self.body),
            },
        }
    }
}

/// A piece of a feed.
#[derive(Deserialize)]
struct Feed {
    results: Vec<Row>,
    last_seq: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    deleted: bool,
    doc: Box<RawValue>,
}

/// Parts the body from the members of the protocol.
fn shown(text: &[u8]) -> anyhow::Result<Shown> {
    let document = Body::parse_any(text)?;
    let Some(Value::String(revision)) = document.value_at("/_rev") else {
        anyhow::bail!("a document without _rev")
    };
    let revision = revision.to_string();
    let members = document.object().iter().filter(|(name, _)| !name.starts_with('_'));
    let body = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok((revision, Body::of(body)))
}

/// Whether a document lists open revisions at a path.
fn is_open(text: &str, path: &str) -> anyhow::Result<bool> {
    let document = Body::parse_any(text.as_bytes())?;
    Ok(document.elements(path).is_some_and(|open| !open.is_empty()))
}

fn malformed(error: anyhow::Error) -> HttpFailure {
    HttpFailure::Unanswered(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, dot: Option<&str>, body: &str) -> Outcome {
        let mut head = HeaderMap::new();
        if let Some(dot) = dot {
            head.insert("rejoin-dot", dot.parse().unwrap());
        }
        let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_owned()));
        Answer { status, head, body }.outcome()
    }

    #[test]
    fn only_an_answer_that_names_its_write_is_an_acknowledgement() {
        let (dot, stored) = (
            "4294967296000039/0000000000000002",
            r#"{"ok":true,"id":"a","rev":"2-ab","merged":true}"#,
        );
        let done = answer(201, Some(dot), stored);
        assert!(
            matches!(done, Outcome::Ok { ref revision, merged: true, .. } if revision == "2-ab"),
            "{done:?}"
        );
        for unclear in [
            answer(201, None, stored),
            answer(201, Some("x"), stored),
            answer(201, Some(dot), "{}"),
            answer(500, None, r#"{"error":"unknown_outcome","reason":"x"}"#),
            answer(502, None, "<html>"),
        ] {
            assert!(matches!(unclear, Outcome::Unknown { .. }), "{unclear:?}");
        }
        let refused = answer(
            409,
            None,
            r#"{"error":"conflict","reason":"Document update conflict."}"#,
        );
        assert!(
            matches!(refused, Outcome::Refused { ref reason } if reason == "conflict"),
            "{refused:?}"
        );
    }

    #[test]
    fn what_the_protocol_adds_is_no_part_of_a_body() {
        let text = r#"{"_id":"a","_rev":"2-ab","z":1.50,"_updated":1,"b":{"_x":2},"_conflicts":["1-c"]}"#;
        let (revision, body) = shown(text.as_bytes()).unwrap();
        assert_eq!(
            (revision.as_str(), body.to_bytes()),
            ("2-ab", Bytes::from(r#"{"z":1.50,"b":{"_x":2}}"#))
        );
        assert!(is_open(text, "/_conflicts").unwrap());
        assert!(!is_open(text, "/_deleted_conflicts").unwrap());
    }
}
