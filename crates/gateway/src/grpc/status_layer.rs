//! Gives the statuses that tonic makes itself, before a service sees the call, the `ErrorInfo` that all others have.
//!
//! The one that matters: a message over the size limit. It is refused while it is decoded, and its client must be told
//! the same reason as for a body over the limit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use super::error::complete;

/// Wraps the whole server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StatusLayer;

impl<S> Layer<S> for StatusLayer {
    type Service = StatusService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StatusService { inner }
    }
}

/// See [`StatusLayer`].
#[derive(Clone, Debug)]
pub(super) struct StatusService<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for StatusService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = self.inner.call(request);
        Box::pin(async move { answering.await.map(complete_response) })
    }
}

/// A status in the headers is one that no message preceded; those at the end of a stream are made by our services.
fn complete_response(response: Response<Body>) -> Response<Body> {
    match tonic::Status::from_header_map(response.headers()) {
        Some(status) => match complete(&status) {
            Some(completed) => completed.into_http(),
            None => response,
        },
        None => response,
    }
}
