//! `COPY /{db}/{id}`: writes what a document shows, or a revision of it, under another id.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Revision};

use super::answer;
use super::body::Request;
use super::document;
use super::error::HttpError;
use super::incoming::Incoming;
use super::query::{self, Query};
use super::route;
use crate::node::NodeContext;

const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// Copies the document that a path names.
///
/// # Errors
///
/// It is not there, the destination is none, or another document is there.
pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let (target, replaced) = destination(request)?;
    let found = context.store.opened(database, id)?.ok_or_else(HttpError::missing)?;
    let content = match request.query().revision("rev")? {
        Some(revision) => match found.body(&revision) {
            Some(content) => Some(content),
            None => context.store.kept_revision(database, id, &revision)?,
        },
        None if found.shown.deleted => return Err(HttpError::deleted()),
        None => found.body(&found.shown.revision),
    };
    let content = content.ok_or_else(HttpError::missing)?;
    let copy = Incoming {
        id: None,
        revision: replaced,
        deleted: content.deleted,
        updated: None,
        history: Vec::new(),
        body: content.body,
    };
    let mut stored = document::store(context, database, &target, copy, true).await?;
    *stored.status_mut() = StatusCode::CREATED;
    let place = format!("/{}/{target}", database.base());
    Ok(answer::header(stored, header::LOCATION, &place))
}

/// The id under which the copy is written, and the revision that it replaces: `Destination: id?rev=1-…`.
fn destination(request: &Request) -> Result<(String, Option<Revision>), HttpError> {
    let header = request.headers().get(DESTINATION);
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text.is_empty() {
        return Err(HttpError::bad_request("Destination header is mandatory for COPY."));
    }
    if text.contains("://") {
        return Err(HttpError::bad_request("Destination URL must be relative."));
    }
    let (id, rest) = text.split_once('?').unwrap_or((text, ""));
    let named = Query::parse(rest)?;
    let revision = named.text("rev").or_else(|| request.if_match());
    Ok((route::decode(id)?, revision.map(query::revision).transpose()?))
}
