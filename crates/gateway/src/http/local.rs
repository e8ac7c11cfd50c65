//! `/{db}/_local/{id}`: documents that stay at this node, as the checkpoints of replicators.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use rejoin_document::{DatabaseName, Object, Value, parse_stored_value};
use rejoin_store::{LocalWrite, Operation, Outcome};

use super::answer::{self, quoted};
use super::body::Request;
use super::error::HttpError;
use super::incoming::{Dialect, Incoming};
use super::room::Room;
use super::write;
use crate::node::NodeContext;

/// Bytes of a name at most, as of a document's id.
const ID_BYTES_MAX: usize = 512;

pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    id: &str,
    request: &mut Request,
) -> Result<Response, HttpError> {
    if id.len() > ID_BYTES_MAX {
        return Err(HttpError::bad_request(format!(
            "a document id has at most {ID_BYTES_MAX} bytes"
        )));
    }
    match *request.method() {
        Method::GET | Method::HEAD => get(context, database, id),
        Method::PUT => {
            let text = request.bytes(write::document_bytes_max(context)).await?;
            let (base, incoming) = read(&text, context)?;
            put(context, database, id, base, incoming.content()).await
        }
        Method::DELETE => {
            let base = count(request.query().text("rev").or_else(|| request.if_match()))?;
            put(context, database, id, base, None).await
        }
        _ => Err(HttpError::method("DELETE,GET,HEAD,PUT")),
    }
}

/// The count that the writer had read, and the document: these revisions are no document's.
fn read(text: &[u8], context: &NodeContext) -> Result<(u64, Incoming), HttpError> {
    let Value::Object(members) = parse_stored_value(text)? else {
        return Err(HttpError::bad_request("Document must be a JSON object"));
    };
    let base = match members.get("_rev") {
        None => 0,
        Some(Value::String(revision)) => count(Some(revision))?,
        Some(_) => return Err(HttpError::bad_request("Invalid rev format")),
    };
    let rest = members.iter().filter(|(name, _)| &***name != "_rev");
    let rest = rest.map(|(name, value)| (Arc::clone(name), value.clone()));
    let incoming = Incoming::of(Value::Object(rest.collect()), &context.limits(), Dialect::CouchDb)?;
    Ok((base, incoming))
}

fn get(context: &NodeContext, database: &DatabaseName, id: &str) -> Result<Response, HttpError> {
    let (count, body) = context.store.local(database, id)?.ok_or_else(HttpError::missing)?;
    let json = body.to_json();
    let members = match json.len() {
        0..=2 => "",
        length => &json[1..length - 1],
    };
    let comma = if members.is_empty() { "" } else { "," };
    let name = quoted(&format!("_local/{id}"));
    let mut room = Room::new(context);
    room.add(&format!("{{\"_id\":{name},\"_rev\":\"0-{count}\"{comma}{members}}}\n"))?;
    Ok(answer::stream(room.into_body()))
}

async fn put(
    context: &NodeContext,
    database: &DatabaseName,
    id: &str,
    base: u64,
    body: Option<Arc<Object>>,
) -> Result<Response, HttpError> {
    let deletes = body.is_none();
    if deletes && context.store.local(database, id)?.is_none() {
        return Err(HttpError::missing());
    }
    let number = store(context, database, id, base, body).await?;
    let status = if deletes { StatusCode::OK } else { StatusCode::CREATED };
    let name = quoted(&format!("_local/{id}"));
    Ok(answer::text(
        status,
        format!("{{\"ok\":true,\"id\":{name},\"rev\":\"0-{number}\"}}\n"),
    ))
}

/// Writes such a document in the place of the one with the count `base`, and tells the new count.
///
/// # Errors
/// Another one is there, or the disk fails.
pub(super) async fn store(
    context: &NodeContext,
    database: &DatabaseName,
    id: &str,
    base: u64,
    body: Option<Arc<Object>>,
) -> Result<u64, HttpError> {
    let write = LocalWrite {
        database: database.clone(),
        id: id.to_owned(),
        base,
        body,
    };
    match context.commits.submit(Operation::PutLocal(write)).await? {
        Outcome::LocalPut { number } => Ok(number),
        _ => Err(write::stopped()),
    }
}

/// The count in a revision such as `0-3`; 0 without one.
///
/// # Errors
/// It is none: the revision of a document.
pub(super) fn count(revision: Option<&str>) -> Result<u64, HttpError> {
    let Some(text) = revision else { return Ok(0) };
    let count = text.strip_prefix("0-").and_then(|count| count.parse().ok());
    count.ok_or_else(HttpError::conflict)
}
