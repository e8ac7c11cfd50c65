//! `POST /{db}/_bulk_get`: revisions of many documents.

use axum::http::StatusCode;
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId};
use serde::Deserialize;

use super::answer::{self, quoted};
use super::body::{BATCH_BYTES_MAX, Request};
use super::document;
use super::error::{self, HttpError};
use super::query::Query;
use crate::node::{NodeContext, long_read};

/// Documents of one request at most.
const DOCUMENTS_MAX: usize = 10_000;

/// Bytes of an answer after which documents are refused.
const ANSWER_BYTES_MAX: usize = 64 << 20;

#[derive(Deserialize)]
struct Wanted {
    docs: Vec<WantedDocument>,
}

#[derive(Deserialize)]
struct WantedDocument {
    id: String,
    rev: Option<String>,
}

pub(super) async fn post(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let text = request.json(BATCH_BYTES_MAX).await?;
    let wanted: Wanted =
        serde_json::from_slice(&text).map_err(|_| HttpError::bad_request("Missing JSON list of 'docs'."))?;
    if wanted.docs.len() > DOCUMENTS_MAX {
        return Err(HttpError::too_large(format!(
            "a request names at most {DOCUMENTS_MAX} documents"
        )));
    }
    let query = request.query();
    let text = long_read(|| {
        let (mut results, mut bytes) = (Vec::with_capacity(wanted.docs.len()), 0usize);
        for document in &wanted.docs {
            let full = || HttpError::too_large("the answer is too large with it; ask for it again");
            let rows = match bytes < ANSWER_BYTES_MAX {
                true => rows(context, database, document, query),
                false => Err(full()),
            };
            let rows = rows.unwrap_or_else(|error| vec![failed(document, &error)]);
            let result = format!("{{\"id\":{},\"docs\":[{}]}}", quoted(&document.id), rows.join(","));
            bytes = bytes.saturating_add(result.len());
            results.push(result);
        }
        format!("{{\"results\":[{}]}}\n", results.join(","))
    });
    Ok(answer::text(StatusCode::OK, text))
}

fn rows(
    context: &NodeContext,
    database: &DatabaseName,
    document: &WantedDocument,
    query: &Query,
) -> Result<Vec<String>, HttpError> {
    let id: DocumentId = document.id.parse().map_err(error::id)?;
    let found = context.store.opened(database, &id)?.ok_or_else(HttpError::missing)?;
    let revisions = match &document.rev {
        None => vec![(found.shown.revision.clone(), true)],
        Some(rev) => document::open_revisions(&found, &format!("[{}]", quoted(rev)), query.flag("latest")?)?,
    };
    let row = |(revision, _)| {
        let json = document::revision_json(context, database, &id, &found, &revision, query)?;
        json.map(|json| format!("{{\"ok\":{json}}}"))
            .ok_or_else(HttpError::missing)
    };
    revisions.into_iter().map(row).collect()
}

fn failed(document: &WantedDocument, error: &HttpError) -> String {
    format!(
        "{{\"error\":{{\"id\":{},\"rev\":{},\"error\":{},\"reason\":{}}}}}",
        quoted(&document.id),
        quoted(document.rev.as_deref().unwrap_or("undefined")),
        quoted(error.error),
        quoted(&error.reason)
    )
}
