//! Answers nobody who is not trusted: around all services, health and reflection included.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use super::error::Failure;
use crate::tls::{Caller, Gate};

/// Wraps all services of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct GateLayer(pub(super) Gate);

impl<S> Layer<S> for GateLayer {
    type Service = GateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService { inner, gate: self.0 }
    }
}

/// See [`GateLayer`].
#[derive(Clone, Debug)]
pub(super) struct GateService<S> {
    inner: S,
    gate: Gate,
}

impl<S> Service<Request<Body>> for GateService<S>
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
        match self.gate.refusal(request.extensions().get::<Caller>()) {
            Some(problem) => {
                let status = Status::from(Failure::untrusted(&problem));
                Box::pin(async move { Ok(status.into_http()) })
            }
            None => Box::pin(self.inner.call(request)),
        }
    }
}
