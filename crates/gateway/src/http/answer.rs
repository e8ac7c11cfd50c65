//! Answers and their content types.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value as Json;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const JSON_API: HeaderValue = HeaderValue::from_static("application/vnd.api+json");

/// What stands between two rows of `_all_docs` and of a view: their lines end as those of CouchDB do, unlike those of `_changes`.
pub(super) const BETWEEN_ROWS: &str = ",\r\n";

/// What stands after the last row. The line that begins the rows has ended already; of none at all the chapter on conflicts shows no line more.
pub(super) const fn end_of_rows(any: bool) -> &'static str {
    if any { "\r\n]}\n" } else { "]}\n" }
}

/// A JSON answer, which ends with a line feed as CouchDB's do.
pub(super) fn json(status: StatusCode, value: &Json) -> Response {
    text(status, format!("{value}\n"))
}

/// The same, of a text that is JSON.
pub(super) fn text(status: StatusCode, text: String) -> Response {
    with_type(status, JSON, Body::from(text))
}

/// An answer of JSON:API.
pub(super) fn json_api(status: StatusCode, body: Body) -> Response {
    with_type(status, JSON_API, body)
}

/// A JSON answer of a body that bounds what lies in memory.
pub(super) fn stream(body: Body) -> Response {
    bounded(StatusCode::OK, body)
}

/// The same, with another status.
pub(super) fn bounded(status: StatusCode, body: Body) -> Response {
    with_type(status, JSON, body)
}

/// Any other answer.
pub(super) fn with_type(status: StatusCode, kind: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("must-revalidate"));
    headers.insert(
        header::SERVER,
        HeaderValue::from_static(concat!("Rejoin/", env!("CARGO_PKG_VERSION"))),
    );
    response
}

/// Adds a header, if its value can stand in one.
pub(super) fn header(mut response: Response, name: header::HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A tag of the text of a question and of the state that answers it.
pub(super) fn tag(text: &str) -> String {
    format!("\"{}\"", &blake3::hash(text.as_bytes()).to_hex()[..24])
}

/// Whether the client has what the tag stands for already.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let known = known.filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
}

/// The answer to a client that has it already.
pub(super) fn not_modified(tag: &str) -> Response {
    header(
        with_type(StatusCode::NOT_MODIFIED, JSON, Body::empty()),
        header::ETAG,
        tag,
    )
}

/// Whether the client takes JSON rather than several parts: it says so.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/json"))
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}
