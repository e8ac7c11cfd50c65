//! What belongs to the node as a whole.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::body::Request;
use super::error::HttpError;
use super::{answer, info};
use crate::node::NodeContext;

/// The version of CouchDB whose answers these are: clients look at it.
const COUCHDB_VERSION: &str = "3.4.2";

/// `GET /`.
pub(super) fn welcome(context: &NodeContext) -> Response {
    let identity = context.store.identity();
    let text = format!(
        "{{\"couchdb\":\"Welcome\",\"version\":\"{COUCHDB_VERSION}\",\"uuid\":\"{}\",\"features\":[],\"vendor\":\
         {{\"name\":\"Rejoin\",\"version\":\"{}\"}},\"datacenter\":\"{}\"}}\n",
        identity.replica,
        env!("CARGO_PKG_VERSION"),
        identity.datacenter
    );
    answer::text(StatusCode::OK, text)
}

/// `GET /_all_dbs`: those that the user may read.
///
/// # Errors
///
/// The range cannot be read.
pub(super) fn databases(context: &NodeContext, request: &Request) -> Result<Response, HttpError> {
    let names = info::names(context, &request.principal()?, request.query())?;
    Ok(answer::json(StatusCode::OK, &json!(names)))
}

/// `GET /_up`.
pub(super) fn up(context: &NodeContext) -> Response {
    let (read_only, _) = context.store.disk();
    let status = if read_only { "read_only" } else { "ok" };
    answer::json(StatusCode::OK, &json!({ "status": status }))
}

/// `POST /{db}/_ensure_full_commit`: every answered write is durable already.
pub(super) fn full_commit() -> Response {
    answer::text(
        StatusCode::CREATED,
        "{\"ok\":true,\"instance_start_time\":\"0\"}\n".to_owned(),
    )
}
