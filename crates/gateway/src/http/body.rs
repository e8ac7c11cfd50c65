//! A request with its body, which is read when somebody asks for it, within bounds.

use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;

use super::error::HttpError;
use super::query::Query;

/// Bytes of a body of several documents at most: what a gRPC client may send at once.
pub(super) const BATCH_BYTES_MAX: usize = 16 << 20;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A request.
pub(super) struct Request {
    parts: Parts,
    body: Option<Body>,
    query: Query,
}

impl Request {
    pub(super) fn new(request: axum::http::Request<Body>) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        Ok(Self {
            parts,
            body: Some(body),
            query,
        })
    }

    pub(super) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    pub(super) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    pub(super) fn query(&self) -> &Query {
        &self.query
    }

    /// The revision that `If-Match` names.
    pub(super) fn if_match(&self) -> Option<&str> {
        let value = self.parts.headers.get(header::IF_MATCH)?.to_str().ok()?;
        Some(value.trim_matches('"'))
    }

    /// The body, if it has at most so many bytes.
    pub(super) async fn bytes(&mut self, bytes_max: usize) -> Result<Bytes, HttpError> {
        let Some(body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        let reading = axum::body::to_bytes(body, bytes_max);
        match tokio::time::timeout(BODY_TIMEOUT, reading).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) if is_over(&error) => Err(HttpError::too_large(format!(
                "the body has more than {bytes_max} bytes"
            ))),
            Ok(Err(_)) => Err(HttpError::bad_request("the body broke off")),
            Err(_) => Err(HttpError::new(
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                "the body took too long to arrive",
            )),
        }
    }

    /// A body that is JSON. A form on a page of another site can send three content types without being asked: they are not taken here.
    pub(super) async fn json(&mut self, bytes_max: usize) -> Result<Bytes, HttpError> {
        self.is_json()?;
        self.bytes(bytes_max).await
    }

    fn is_json(&self) -> Result<(), HttpError> {
        let Some(kind) = self.parts.headers.get(header::CONTENT_TYPE) else {
            return Ok(());
        };
        let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        if essence == "application/json" || essence.ends_with("+json") {
            return Ok(());
        }
        Err(HttpError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "bad_content_type",
            "Content-Type must be application/json",
        ))
    }
}

fn is_over(error: &axum::Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}
