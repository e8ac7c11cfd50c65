//! What administrators of a database ask for: compaction, the bound of its revisions, purging, who is responsible.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Object, Value, parse_stored_value};

use super::answer;
use super::body::Request;
use super::error::{self, HttpError};
use super::local;
use crate::node::compaction;
use crate::node::{NodeContext, long_read};

/// Revisions that a branch names, its own among them.
const REVS_LIMIT: u64 = 1000;

/// Where the security object stands among the documents that stay at this node. No client can name it: an id has no NUL.
const SECURITY: &str = "\0security";

/// Bytes of a security object at most.
const SECURITY_BYTES_MAX: usize = 1 << 20;

/// Why nothing is purged.
const NO_PURGE: &str = "a document is not purged here: other datacenters have it and would bring it back, and what others wrote to it would be \
                        reverted; delete it, and compaction forgets what every datacenter knows to be deleted";

/// `POST /{db}/_compact`, and `/{db}/_compact/{design}`: begins to compact. One that runs already does it too.
pub(super) async fn compact(
    context: &NodeContext,
    database: &DatabaseName,
    design: Option<&str>,
    request: &mut Request,
) -> Result<Response, HttpError> {
    request.json(1 << 20).await?;
    if let Some(design) = design {
        let id: DocumentId = format!("_design/{design}").parse().map_err(error::id)?;
        let found = context.store.get(database, &id)?;
        found
            .filter(|found| !found.shown.deleted)
            .ok_or_else(HttpError::missing)?;
    }
    if let Ok(permit) = Arc::clone(&context.compacting).try_acquire_owned() {
        let compacting = compaction::compact(context.clone(), Some(database.clone()), permit);
        let name = database.clone();
        context.tasks.spawn(async move {
            match compacting.await {
                Ok(compacted) => tracing::info!(?compacted, database = %name, "compacted"),
                Err(error) => tracing::warn!(%error, database = %name, "a compaction ended early"),
            }
        });
    }
    Ok(accepted())
}

/// `POST /{db}/_view_cleanup`: drops the indexes of design documents that are gone.
pub(super) async fn clean_views(context: &NodeContext, request: &mut Request) -> Result<Response, HttpError> {
    request.json(1 << 20).await?;
    long_read(|| context.views.clean(&context.store, false))?;
    Ok(accepted())
}

fn accepted() -> Response {
    answer::text(StatusCode::ACCEPTED, "{\"ok\":true}\n".to_owned())
}

/// `/{db}/_revs_limit`: told, and the same for every database.
pub(super) async fn revs_limit(request: &mut Request) -> Result<Response, HttpError> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(answer::text(StatusCode::OK, format!("{REVS_LIMIT}\n"))),
        Method::PUT => {
            let text = request.bytes(1 << 10).await?;
            let limit: Option<u64> = serde_json::from_slice(&text).ok().filter(|limit| *limit > 0);
            match limit {
                Some(REVS_LIMIT) => Ok(answer::text(StatusCode::OK, "{\"ok\":true}\n".to_owned())),
                Some(_) => Err(HttpError::new(
                    StatusCode::NOT_IMPLEMENTED,
                    "not_implemented",
                    format!("a branch names {REVS_LIMIT} revisions here, in every database; leave it at that"),
                )),
                None => Err(HttpError::bad_request("Rev limit must be a positive integer")),
            }
        }
        _ => Err(HttpError::method("GET,PUT")),
    }
}

/// `/{db}/_purge` and what belongs to it: refused, and why.
pub(super) fn no_purge() -> HttpError {
    HttpError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", NO_PURGE)
}

/// `/{db}/_security`.
pub(super) async fn security(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    match *request.method() {
        Method::GET | Method::HEAD => {
            let object = security_of(context, database)?;
            Ok(answer::text(StatusCode::OK, format!("{}\n", object.to_json())))
        }
        Method::PUT => {
            let text = request.bytes(SECURITY_BYTES_MAX).await?;
            let object = checked(&text)?;
            let found = context.store.local(database, SECURITY)?;
            let base = found.map_or(0, |(count, _)| count);
            local::store(context, database, SECURITY, base, Some(Arc::new(object))).await?;
            Ok(answer::text(StatusCode::OK, "{\"ok\":true}\n".to_owned()))
        }
        _ => Err(HttpError::method("GET,PUT")),
    }
}

/// The security object of a database, `{}` if nobody has set one. It stays at this node: CouchDB's replicator does not bring it either.
///
/// # Errors
///
/// The disk fails.
pub(super) fn security_of(context: &NodeContext, database: &DatabaseName) -> Result<Object, HttpError> {
    let found = context.store.local(database, SECURITY)?;
    Ok(found.map(|(_, object)| object).unwrap_or_default())
}

/// A security object: `admins` and `members`, each with `names` and `roles`.
fn checked(text: &[u8]) -> Result<Object, HttpError> {
    let Value::Object(object) = parse_stored_value(text)? else {
        return Err(HttpError::bad_request("Request body must be a JSON object"));
    };
    for group in ["admins", "members", "readers"] {
        let Some(value) = object.get(group) else { continue };
        let Some(group) = value.as_object() else {
            return Err(HttpError::bad_request(format!("{group} must be a JSON object")));
        };
        for list in ["names", "roles"] {
            let texts = match group.get(list) {
                None => continue,
                Some(Value::Array(items)) => items.iter().all(|item| item.as_str().is_some()),
                Some(_) => false,
            };
            if !texts {
                return Err(HttpError::bad_request(format!("{list} must be a JSON list of strings")));
            }
        }
    }
    Ok(object)
}
