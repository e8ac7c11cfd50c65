//! The database of another server, over CouchDB's protocol.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value as Json;

use super::error::HttpError;

/// Bytes of one answer of the other server at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long the other server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// A database elsewhere.
pub(super) struct Remote {
    client: Client<HttpConnector, Full<Bytes>>,
    /// Without the slash at its end.
    url: String,
}

impl Remote {
    /// The database at a URL; nothing is dialled yet.
    pub(super) fn new(url: &str) -> Result<Self, HttpError> {
        if !url.starts_with("http://") {
            let reason =
                format!("{url:?} is neither the name of a database here nor an http:// address of one elsewhere");
            return Err(HttpError::bad_request(reason));
        }
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: url.trim_end_matches('/').to_owned(),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks, and reads the answer; `None`: there is no such thing.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Option<Bytes>, HttpError> {
        let (status, body) = self.answer(method, path, body).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(body)),
            status => {
                let told: Option<Json> = serde_json::from_slice(&body).ok();
                let reason = told.and_then(|told| Some(told.get("reason")?.as_str()?.to_owned()));
                Err(self.failed(&format!("{status}: {}", reason.unwrap_or_default())))
            }
        }
    }

    /// Asks for something that may be refused for what is sent: `None` then.
    pub(super) async fn ask_for(&self, path: &str, body: String) -> Result<Option<Bytes>, HttpError> {
        let (status, answer) = self.answer(Method::POST, path, Some(body)).await?;
        match status {
            status if status.is_success() => Ok(Some(answer)),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::FORBIDDEN => Ok(None),
            status => Err(self.failed(&status.to_string())),
        }
    }

    async fn answer(&self, method: Method, path: &str, body: Option<String>) -> Result<(StatusCode, Bytes), HttpError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| HttpError::bad_request(format!("{:?} is no address: {error}", self.url)))?;
        let asking = async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| self.failed(&error.to_string()))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.failed(&error.to_string()))?.to_bytes();
            Ok::<_, HttpError>((status, body))
        };
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
        answered.map_err(|_| self.failed("it took too long to answer"))?
    }

    pub(super) fn failed(&self, problem: &str) -> HttpError {
        HttpError::new(
            StatusCode::BAD_GATEWAY,
            "replication_failed",
            format!("{} did not answer as it should: {problem}", self.url),
        )
    }
}
