//! What is done around every call: it is measured, it has a span in the trace of its caller, its panic becomes its answer, and the statuses that tonic
//! makes itself, before a service sees the call, get the `ErrorInfo` that
//! all others have.
//!
//! The one that matters: a message over the size limit. It is refused while it is decoded, and its client must be told
//! the same reason as for a body over the limit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};
use tracing::Instrument;

use super::error::{Failure, complete};
use crate::caught::caught;
use crate::metrics::Metrics;
use crate::trace;

/// The label and the span's name of calls of a method that this node does not have.
const UNKNOWN_METHOD: &str = "unknown";

/// Wraps the whole server.
#[derive(Clone, Debug)]
pub(super) struct CallLayer(pub(super) Metrics);

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let metrics = self.0.clone();
        CallService { inner, metrics }
    }
}

/// See [`CallLayer`].
#[derive(Clone, Debug)]
pub(super) struct CallService<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> Service<Request<Body>> for CallService<S>
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
        let measured = Measured {
            metrics: self.metrics.clone(),
            method: request.uri().path().trim_start_matches('/').to_owned(),
            begun: Instant::now(),
            code: Code::Cancelled,
        };
        let span = tracing::debug_span!(
            "call",
            otel.name = measured.method,
            otel.kind = "server",
            rpc.system = "grpc",
            rpc.grpc.status_code = tracing::field::Empty,
        );
        trace::continue_from(&span, request.headers());
        let answering = span.in_scope(|| self.inner.call(request));
        Box::pin(async move {
            // All of it moves in here, and is dropped with the call.
            let mut measured = measured;
            let response = match caught(answering.instrument(span.clone())).await {
                Ok(answered) => answered?,
                Err(panicked) => {
                    let status = tonic::Status::from(Failure::from(panicked));
                    measured.code = status.code();
                    return Ok(status.into_http());
                }
            };
            // A status in the headers is one that no message preceded; those at the end of a stream are made by our services.
            let status = tonic::Status::from_header_map(response.headers());
            measured.code = status.as_ref().map_or(Code::Ok, tonic::Status::code);
            span.record("rpc.grpc.status_code", i32::from(measured.code));
            if measured.code == Code::Unimplemented {
                span.record("otel.name", UNKNOWN_METHOD);
            }
            let completed = status.as_ref().and_then(complete);
            let mut response = completed.map_or(response, tonic::Status::into_http);
            trace::name_in(&span, response.headers_mut());
            Ok(response)
        })
    }
}

/// A call under way. It is recorded when it is dropped, so that those are counted too whose time is over or whose client has gone.
struct Measured {
    metrics: Metrics,
    method: String,
    begun: Instant,
    code: Code,
}

impl Drop for Measured {
    fn drop(&mut self) {
        // Calls of unknown methods get this answer and come to no end of their own, so that clients cannot make up labels.
        let method = match self.code {
            Code::Unimplemented => UNKNOWN_METHOD.to_owned(),
            _ => std::mem::take(&mut self.method),
        };
        self.metrics.called(method, self.code, self.begun.elapsed());
    }
}
