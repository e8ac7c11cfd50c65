//! Which pages of other sites may read answers and write: none, unless the settings name them.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::answer;
use super::error::HttpError;
use crate::config::HttpSettings;

/// The origin of the page that asks, if it may read the answer.
pub(super) fn allowed<'a>(settings: &HttpSettings, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    let names = settings.cors_origins.iter();
    names.clone().any(|name| name == "*" || name == text).then_some(origin)
}

/// Refuses what a page of another site asks that the settings do not name. It could not read the answer, but a write would be done all the same, and
/// a browser sends it without asking where it looks like a form's.
///
/// # Errors
///
/// `forbidden`.
pub(super) fn check(settings: &HttpSettings, method: &Method, headers: &HeaderMap) -> Result<(), HttpError> {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let Some(origin) = headers.get(header::ORIGIN).filter(|_| !reads) else {
        return Ok(());
    };
    if allowed(settings, headers).is_some() || is_own(origin, headers.get(header::HOST)) {
        return Ok(());
    }
    let reason = "a page of another site may not write here; name its origin in [http] cors_origins if it is to";
    Err(HttpError::new(StatusCode::FORBIDDEN, "forbidden", reason))
}

/// Whether a page comes from where the request goes.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_ascii_lowercase);
    let (Some(origin), Some(host)) = (text(origin), host.and_then(text)) else {
        return false;
    };
    let Some((scheme, own)) = origin.split_once("://") else {
        return false;
    };
    // A browser leaves out the port that a scheme has anyway; others may not.
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_owned();
    bare(own) == bare(&host)
}

/// The answer to the question of a browser whether a page may ask.
pub(super) fn preflight() -> Response {
    let mut response = answer::text(StatusCode::NO_CONTENT, String::new());
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, COPY"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "accept, authorization, content-type, destination, if-match, if-none-match, origin, referer, traceparent, tracestate",
        ),
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
        HeaderValue::from_static("etag, location, rejoin-dot, traceparent"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_nodes_own_where_scheme_and_port_are_those_of_its_host() {
        let own = |origin: &'static str, host: &'static str| {
            is_own(&HeaderValue::from_static(origin), Some(&HeaderValue::from_static(host)))
        };
        assert!(own("http://127.0.0.1:5984", "127.0.0.1:5984"));
        assert!(own("https://Node.example", "node.example:443"));
        assert!(!own("http://127.0.0.1:8000", "127.0.0.1:5984"));
        assert!(!own("http://node.example.evil.org", "node.example"));
        assert!(!own("null", "127.0.0.1:5984"));
        assert!(!own("", ""));
    }
}
