//! `POST /{db}/_bulk_get`: revisions of many documents.

use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId};
use serde::Deserialize;

use super::answer::{self, quoted};
use super::body::{BATCH_BYTES_MAX, Request};
use super::document;
use super::error::{self, HttpError};
use super::query::Query;
use super::room::Room;
use crate::node::{NodeContext, long_read};

/// Documents of one request at most.
const DOCUMENTS_MAX: usize = 10_000;

/// Bytes of the documents of an answer at most: there is room left to say of each other one that it is left out.
const DOCUMENTS_BYTES_MAX: usize = 56 << 20;

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
    let room = long_read(|| -> Result<Room, HttpError> {
        let mut room = Room::new(context);
        room.add("{\"results\":[")?;
        for (place, document) in wanted.docs.iter().enumerate() {
            let left = DOCUMENTS_BYTES_MAX.saturating_sub(room.len());
            let rows = rows(context, database, document, query, left);
            let rows = rows.unwrap_or_else(|error| failed(document, &error));
            let separator = if place > 0 { "," } else { "" };
            room.add(&format!(
                "{separator}{{\"id\":{},\"docs\":[{rows}]}}",
                quoted(&document.id)
            ))?;
        }
        room.add("]}\n")?;
        Ok(room)
    })?;
    Ok(answer::stream(room.into_body()))
}

/// The revisions that are wanted of a document, if they have at most so many bytes.
fn rows(
    context: &NodeContext,
    database: &DatabaseName,
    document: &WantedDocument,
    query: &Query,
    bytes_max: usize,
) -> Result<String, HttpError> {
    let id: DocumentId = document.id.parse().map_err(error::id)?;
    let found = context.store.opened(database, &id)?.ok_or_else(HttpError::missing)?;
    let revisions = match &document.rev {
        None => vec![(found.shown.revision.clone(), true)],
        Some(rev) => {
            let named = format!("[{}]", quoted(rev));
            document::open_revisions(Some(&found), &named, query.flag("latest")?)?
        }
    };
    let mut rows = String::new();
    for (revision, _) in revisions {
        let json = document::revision_json(context, database, &id, &found, &revision, query)?;
        let json = json.ok_or_else(HttpError::missing)?;
        if rows.len() + json.len() > bytes_max {
            return Err(HttpError::too_large(
                "the answer is too large with it; ask for it again",
            ));
        }
        let separator = if rows.is_empty() { "" } else { "," };
        rows.push_str(&format!("{separator}{{\"ok\":{json}}}"));
    }
    Ok(rows)
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
