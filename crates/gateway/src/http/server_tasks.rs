//! What belongs to the node as a whole and takes parameters: `/_uuids` and `/_active_tasks`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value as Json, json};

use super::answer;
use super::body::Request;
use super::error::HttpError;
use super::write;
use crate::node::NodeContext;

/// Ids that are given at once at most, as in CouchDB.
const UUIDS_MAX: u64 = 1000;

/// `GET /_uuids`: ids that nobody else gets.
///
/// # Errors
///
/// `count` is none, or is above 1,000.
pub(super) fn uuids(request: &Request) -> Result<Response, HttpError> {
    let count: u64 = match request.query().text("count") {
        None => 1,
        Some(text) => text
            .parse()
            .map_err(|_| HttpError::bad_request("count must be a non-negative integer"))?,
    };
    if count > UUIDS_MAX {
        return Err(HttpError::bad_request("count parameter too large"));
    }
    let ids: Vec<String> = (0..count).map(|_| write::new_id()).collect();
    let mut response = answer::json(StatusCode::OK, &json!({ "uuids": ids }));
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("must-revalidate, no-cache"),
    );
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::EXPIRES,
        HeaderValue::from_static("Fri, 01 Jan 1990 00:00:00 GMT"),
    );
    Ok(response)
}

/// `GET /_active_tasks`: the compaction that runs, if one does. Replications and index builds end with the request that asked for them.
pub(super) fn active(context: &NodeContext) -> Response {
    let mut tasks: Vec<Json> = Vec::new();
    if context.compacting.available_permits() == 0 {
        let node = context.store.identity().datacenter.to_string();
        tasks.push(json!({"type": "database_compaction", "node": node, "pid": "<0.0.0>"}));
    }
    answer::json(StatusCode::OK, &json!(tasks))
}
