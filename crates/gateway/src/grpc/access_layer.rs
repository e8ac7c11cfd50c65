//! Lets in who may come in: finds out who calls, and bounds what each client has under way.
//!
//! | calls | who may make them |
//! |---|---|
//! | `grpc.health.v1.Health` | whoever reaches the node: probes have no credentials |
//! | `rejoin.v1.SyncService` | nodes with the certificate of a peer ([`super::sync`]); no credentials of a user help |
//! | everything else, reflection too | users, where there is a file of them; what each may do is [`super::guarded`]'s |

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::{AUTHORIZATION, HeaderValue};
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use super::error::Failure;
use crate::access::{ClientId, Denied, Principal, Share, acting_for};
use crate::node::NodeContext;
use crate::tls::Caller;

const HEALTH: &str = "/grpc.health.v1.Health/";
const SYNC: &str = "/rejoin.v1.SyncService/";

/// Wraps all services of a node, inside the gate that wants certificates.
#[derive(Clone)]
pub(super) struct AccessLayer(pub(super) Arc<NodeContext>);

impl<S> Layer<S> for AccessLayer {
    type Service = AccessService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let context = Arc::clone(&self.0);
        AccessService { inner, context }
    }
}

/// See [`AccessLayer`].
#[derive(Clone)]
pub(super) struct AccessService<S> {
    inner: S,
    context: Arc<NodeContext>,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for AccessService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(crowded) = request
            .extensions()
            .get::<Caller>()
            .and_then(|caller| caller.crowded.clone())
        {
            return refuse(crowded.into());
        }
        if request.uri().path().starts_with(SYNC) {
            // Links have a bound of their own, and each its windows.
            return Box::pin(self.inner.call(request));
        }
        // The one that was asked whether it is ready is the one that is called.
        let fresh = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, fresh);
        Box::pin(let_in(Arc::clone(&self.context), ready, request))
    }
}

fn refuse<E: 'static>(failure: Failure) -> Answer<E> {
    Box::pin(async move { Ok(Status::from(failure).into_http()) })
}

/// Makes a call for whoever it turns out to be.
async fn let_in<S>(
    context: Arc<NodeContext>,
    mut inner: S,
    mut request: Request<Body>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    // A service has no use for it, and what prints a request shall not show it.
    let authorization = request.headers_mut().remove(AUTHORIZATION);
    let caller = request.extensions().get::<Caller>().cloned();
    let is_probe = request.uri().path().starts_with(HEALTH);
    let admitted = match is_probe {
        true => probe(&context, caller.as_ref()),
        false => admit(&context, caller.as_ref(), authorization.as_ref()).await,
    };
    let (principal, client, share) = match admitted {
        Ok(admitted) => admitted,
        Err(denied) => return Ok(Status::from(Failure::from(denied)).into_http()),
    };
    let asked = principal.clone().filter(|_| context.access.asks());
    let revoked = asked.map(|principal| -> Revoked { Box::pin(principal.changed()) });
    if let Some(principal) = principal {
        request.extensions_mut().insert(principal);
    }
    let response = acting_for(Some(client), inner.call(request)).await?;
    Ok(response.map(|inner| {
        Body::new(Answered {
            inner,
            revoked,
            _share: share,
        })
    }))
}

type Admitted = (Option<Principal>, ClientId, Share);

/// A place among the calls under way for one that is not asked who he is.
fn probe(context: &NodeContext, caller: Option<&Caller>) -> Result<Admitted, Denied> {
    let from = ClientId::of_caller(caller);
    let share = context.limiter.calls.take(&from, 1)?;
    Ok((None, from, share))
}

/// Who calls, and a place among the calls under way.
async fn admit(
    context: &NodeContext,
    caller: Option<&Caller>,
    authorization: Option<&HeaderValue>,
) -> Result<Admitted, Denied> {
    let from = ClientId::of_caller(caller);
    let authorization = authorization.map(HeaderValue::as_bytes);
    let principal = context.access.admit(authorization, &from).await.inspect_err(|denied| {
        let place = caller.map_or_else(|| "the caller".to_owned(), Caller::place);
        context.links.notices.denied(&place, denied);
    })?;
    let client = principal.client_id().unwrap_or(from);
    let share = context.limiter.calls.take(&client, 1)?;
    Ok((Some(principal), client, share))
}

type Revoked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An answer, which keeps the place of its call until its last byte is handed over, and ends early if its user is changed meanwhile.
struct Answered {
    inner: Body,
    /// `None`: nobody is asked who he is, or it has ended.
    revoked: Option<Revoked>,
    _share: Share,
}

impl HttpBody for Answered {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        // First, so that a stream that always has something more ends, too.
        let revoked = self.revoked.as_mut().map(|revoked| revoked.as_mut().poll(context));
        if !revoked.is_some_and(|revoked| revoked.is_ready()) {
            return Pin::new(&mut self.inner).poll_frame(context);
        }
        self.revoked = None;
        self.inner = Body::empty();
        let mut trailers = HeaderMap::new();
        // It fits: its message is one of ours.
        let written = Status::from(Failure::from(Denied::Changed)).add_header(&mut trailers);
        Poll::Ready(written.is_ok().then(|| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
