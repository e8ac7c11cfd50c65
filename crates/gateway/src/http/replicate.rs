//! `POST /_replicate`: brings what one database has to another one, once. Either may be here or at another server.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::answer;
use super::body::Request;
use super::checkpoint::{Checkpoint, Session};
use super::end::{self, End, Piece};
use super::error::HttpError;
use crate::node::NodeContext;

/// Members of a request that choose what is brought.
const CHOOSING: [&str; 8] = [
    "cancel",
    "doc_ids",
    "filter",
    "query_params",
    "selector",
    "since_seq",
    "view",
    "winning_revs_only",
];

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
    Address {
        url: String,
        auth: Option<Json>,
        headers: Option<Map<String, Json>>,
    },
}

impl Place {
    fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Address { url: text, .. } => text,
        }
    }

    fn is_protected(&self) -> bool {
        let Self::Address { auth, headers, .. } = self else {
            return false;
        };
        auth.is_some() || headers.as_ref().is_some_and(|headers| !headers.is_empty())
    }
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

pub(super) async fn post(context: &NodeContext, request: &mut Request) -> Result<Response, HttpError> {
    let text = request.json(1 << 20).await?;
    let malformed = |error| HttpError::bad_request(format!("the body names a `source` and a `target`: {error}"));
    let members: Map<String, Json> = serde_json::from_slice(&text).map_err(malformed)?;
    let asked: Asked = serde_json::from_slice(&text).map_err(malformed)?;
    let refused = |reason: String| Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", reason));
    if asked.continuous {
        return refused("a replication runs once here; ask again when there is more".to_owned());
    }
    // What would make it bring something else than all of it is not passed over.
    if let Some(name) = members.keys().find(|name| CHOOSING.contains(&name.as_str())) {
        return refused(format!(
            "{name} is not served: a replication brings every document; leave it out"
        ));
    }
    if [&asked.source, &asked.target].iter().any(|place| place.is_protected()) {
        return refused("a replication sends no credentials and headers; leave them out".to_owned());
    }
    let who = request.principal()?;
    let source = end::end(context, &who, asked.source.text(), false).await?;
    let target = end::end(context, &who, asked.target.text(), asked.create_target).await?;
    target.takes_revisions(context)?;
    let mut checkpoint = Checkpoint::of(context, &source, &target).await?;
    let mut session = Session::from(checkpoint.since());
    let (mut since, mut figures) = (session.reached.clone(), Figures::default());
    loop {
        let piece = source.changes(context, &since).await?;
        let (last, finished) = (piece.last.clone(), piece.finished);
        figures.bring(context, piece, &source, &target).await?;
        // What the target refused is tried again the next time.
        let moved = figures.failures == 0 && last != session.reached;
        if moved {
            session.reached.clone_from(&last);
        }
        if moved || (finished && (figures.checked > 0 || checkpoint.remembered().is_none())) {
            checkpoint
                .record(context, (&source, &target), &session, &figures.told())
                .await;
        }
        since = last;
        if finished {
            let changed = if figures.checked == 0 {
                "\"no_changes\":true,"
            } else {
                ""
            };
            let members = checkpoint.remembered().unwrap_or_default();
            return Ok(answer::text(
                StatusCode::OK,
                format!("{{\"ok\":true,{changed}{members}}}\n"),
            ));
        }
    }
}

impl Figures {
    /// Brings what the target lacks of a piece of the source's log.
    async fn bring(
        &mut self,
        context: &NodeContext,
        piece: Piece,
        source: &End,
        target: &End,
    ) -> Result<(), HttpError> {
        let revisions = piece.documents.values().map(|revisions| revisions.len() as u64);
        self.checked += revisions.sum::<u64>();
        let lacking = target.missing(context, piece.documents).await?;
        (self.found, self.failures) = (self.found + lacking.refused, self.failures + lacking.refused);
        for (id, revisions) in lacking.revisions {
            self.found += revisions.len() as u64;
            let documents = source.fetch(context, &id, &revisions).await?;
            self.read += documents.len() as u64;
            let failures = target.store(context, &documents).await?;
            self.failures += failures;
            self.written += (documents.len() as u64).saturating_sub(failures);
        }
        Ok(())
    }

    fn told(&self) -> String {
        let Self {
            checked,
            found,
            read,
            written,
            failures,
        } = self;
        format!(
            "\"missing_checked\":{checked},\"missing_found\":{found},\"docs_read\":{read},\"docs_written\":{written},\
             \"doc_write_failures\":{failures}"
        )
    }
}
