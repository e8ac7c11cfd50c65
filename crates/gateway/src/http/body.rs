//! A request with its body, which is read when somebody asks for it, within bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use rejoin_document::{Value, parse_request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::HttpError;
use super::query::Query;
use crate::access::{Denied, Principal};

/// Bytes of a body of several documents at most: what a gRPC client may send at once.
pub(super) const BATCH_BYTES_MAX: usize = 16 << 20;

/// Leaves of such a body at most: each takes far more memory than its text.
const LEAVES_MAX: usize = 1_000_000;

/// Bytes of a refused body that are still taken at most.
const PASSED_OVER_BYTES_MAX: usize = 64 << 20;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A request.
pub(super) struct Request {
    parts: Parts,
    body: Option<Body>,
    query: Query,
    /// What the bodies of all requests may still take.
    room: Arc<Semaphore>,
    /// What this one has taken of it.
    taken: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// A request whose body takes its share of `room`.
    ///
    /// # Errors
    /// Its query cannot be read.
    pub(super) fn new(request: axum::http::Request<Body>, room: Arc<Semaphore>) -> Result<Self, HttpError> {
        let (parts, body) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        Ok(Self {
            parts,
            body: Some(body),
            query,
            room,
            taken: None,
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

    /// Who makes it.
    ///
    /// # Errors
    /// Nobody has let it in: a mistake in this program lets nobody in.
    pub(super) fn principal(&self) -> Result<Principal, HttpError> {
        let principal = self.parts.extensions.get::<Principal>().cloned();
        principal.ok_or_else(|| Denied::Missing.into())
    }

    /// The revision that `If-Match` names.
    pub(super) fn if_match(&self) -> Option<&str> {
        let value = self.parts.headers.get(header::IF_MATCH)?.to_str().ok()?;
        Some(value.trim_matches('"'))
    }

    /// The body, if it has at most so many bytes, and all that are being read have room together.
    pub(super) async fn bytes(&mut self, bytes_max: usize) -> Result<Bytes, HttpError> {
        let Some(body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        let reading = tokio::time::timeout(BODY_TIMEOUT, self.read(body, bytes_max));
        reading.await.unwrap_or_else(|_| {
            let (status, reason) = (StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive");
            Err(HttpError::new(status, "timeout", reason))
        })
    }

    /// What has arrived counts, not what was announced: a client that sends nothing keeps nobody out.
    async fn read(&mut self, mut body: Body, bytes_max: usize) -> Result<Bytes, HttpError> {
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| HttpError::bad_request("the body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            let refused = if read.len() + data.len() > bytes_max {
                let reason = format!("the body has more than {bytes_max} bytes; send it in parts");
                HttpError::too_large(reason)
            } else if let Err(full) = self.take_room(data.len()) {
                full
            } else {
                read.extend_from_slice(&data);
                continue;
            };
            drop(read);
            self.taken = None;
            pass_over(body).await;
            return Err(refused);
        }
        Ok(read.freeze())
    }

    fn take_room(&mut self, bytes: usize) -> Result<(), HttpError> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.room).try_acquire_many_owned(permits).map_err(|_| {
            HttpError::overloaded("this node is reading as many bodies as it has room for; try again later")
        })?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }

    /// A body that is JSON. A form on a page of another site can send three content types without being asked: they are not taken here.
    pub(super) async fn json(&mut self, bytes_max: usize) -> Result<Bytes, HttpError> {
        self.is_json()?;
        self.bytes(bytes_max).await
    }

    /// A JSON body of several documents.
    pub(super) async fn documents(&mut self) -> Result<Value, HttpError> {
        let text = self.json(BATCH_BYTES_MAX).await?;
        Ok(parse_request(&text, LEAVES_MAX)?)
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

/// Takes the rest of a body that is refused, and keeps nothing of it: a client that still sends while the connection is closed would not read why.
async fn pass_over(mut body: Body) {
    let mut left = PASSED_OVER_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
