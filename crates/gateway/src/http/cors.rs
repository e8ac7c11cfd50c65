//! Which pages of other sites may read answers: none, unless the settings name them.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::answer;
use crate::config::HttpSettings;

/// The origin of the page that asks, if it may read the answer.
pub(super) fn allowed<'a>(settings: &HttpSettings, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    let names = settings.cors_origins.iter();
    names.clone().any(|name| name == "*" || name == text).then_some(origin)
}

/// The answer to the question of a browser whether a page may ask.
pub(super) fn preflight() -> Response {
    let mut response = answer::text(StatusCode::NO_CONTENT, String::new());
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("accept, authorization, content-type, if-match, if-none-match, origin, referer"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Lets the page read the answer.
pub(super) fn allow(response: &mut Response, origin: &HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("etag, location, rejoin-dot"),
    );
}
