//! Takes connections and serves requests on them, within bounds.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request as HttpRequest, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Incoming as IncomingBody};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::admission::{self, Admitted};
use super::body::Request;
use super::error::HttpError;
use super::write_deadline::WriteDeadline;
use super::{cors, route};
use crate::access::acting_for;
use crate::caught::caught;
use crate::links::{Connection, Incoming};
use crate::node::NodeContext;
use crate::tls::Caller;
use crate::trace;

/// How long a client may take to send the head of a request, and to say nothing between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take nothing of an answer: what it has not taken occupies memory, and its connection is one of a bounded number.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// Bytes of the head of a request at most.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of a request at most.
const HEADERS_MAX: usize = 100;

/// Serves HTTP on one address.
pub(crate) struct HttpServer {
    context: NodeContext,
    connections: Arc<Semaphore>,
}

impl HttpServer {
    /// A server that shares the bound of connections with those of the other addresses.
    pub(crate) fn new(context: NodeContext, connections: Arc<Semaphore>) -> Self {
        Self { context, connections }
    }

    /// Serves until the node stops; requests that are being answered end first.
    pub(crate) async fn run(self, incoming: Incoming) {
        let Self { context, connections } = self;
        let room = Room {
            connections,
            stop: context.stop.clone(),
            tasks: context.tasks.clone(),
        };
        accept(incoming, room, move |request| serve(context.clone(), request)).await;
    }
}

/// What the connections of a server share.
pub(crate) struct Room {
    /// Connections that may still be taken.
    pub(crate) connections: Arc<Semaphore>,
    /// Takes no more of them once it is cancelled.
    pub(crate) stop: CancellationToken,
    /// Each has a task.
    pub(crate) tasks: TaskTracker,
}

/// Takes connections until the end, and answers the requests on each.
pub(crate) async fn accept<F, A>(mut incoming: Incoming, room: Room, answer: F)
where
    F: Fn(HttpRequest<IncomingBody>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let Room {
        connections,
        stop,
        tasks,
    } = room;
    loop {
        // Beyond the bound new clients wait in the backlog of the socket.
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            permit = Arc::clone(&connections).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = incoming.next() => accepted,
        };
        let connection = match accepted {
            Some(Ok(connection)) => connection,
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            None => return,
        };
        let (answer, stop) = (answer.clone(), stop.clone());
        tasks.spawn(async move {
            let _permit = permit;
            let caller = connection.caller().clone();
            let answer = move |mut request: HttpRequest<IncomingBody>| {
                request.extensions_mut().insert(caller.clone());
                answer(request)
            };
            converse(connection, answer, &stop, TAKEN_WITHIN).await;
        });
    }
}

/// Answers the requests of one connection until its client goes, takes nothing for so long, or the node stops.
async fn converse<F, A>(connection: Connection, answer: F, stop: &CancellationToken, taken_within: Duration)
where
    F: Fn(HttpRequest<IncomingBody>) -> A,
    A: Future<Output = Result<Response, Infallible>>,
{
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let stream = TokioIo::new(WriteDeadline::new(connection, taken_within));
    let serving = builder.serve_connection(stream, service_fn(answer));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Answers a request, in a span of the trace of its client.
async fn serve(context: NodeContext, request: HttpRequest<IncomingBody>) -> Result<Response, Infallible> {
    let span = tracing::debug_span!(
        "request",
        // The method alone, as the conventions want it where no template of the path is known.
        otel.name = request.method().as_str(),
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        http.response.status_code = tracing::field::Empty,
    );
    trace::continue_from(&span, request.headers());
    let mut response = dispatch(context, request).instrument(span.clone()).await?;
    span.record("http.response.status_code", response.status().as_u16());
    trace::name_in(&span, response.headers_mut());
    Ok(response)
}

async fn dispatch(context: NodeContext, request: HttpRequest<IncomingBody>) -> Result<Response, Infallible> {
    if let Some(problem) = context.gate().refusal(request.extensions().get::<Caller>()) {
        return Ok(HttpError::untrusted(&problem).into_response());
    }
    let request = request.map(Body::new);
    let headers = request.headers().iter();
    let head_bytes: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
    if head_bytes + request.uri().path().len() + request.uri().query().map_or(0, str::len) > HEAD_BYTES_MAX {
        let reason = format!("the head of a request has at most {HEAD_BYTES_MAX} bytes");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Ok(HttpError::new(status, "too_large", reason).into_response());
    }
    let head = *request.method() == Method::HEAD;
    let settings = context.settings.now();
    if let Err(refused) = cors::check(&settings.http, request.method(), request.headers()) {
        return Ok(refused.into_response());
    }
    let origin = cors::allowed(&settings.http, request.headers()).cloned();
    let mut response = match (&origin, request.method() == Method::OPTIONS) {
        (Some(_), true) => cors::preflight(),
        _ => answer(&context, request)
            .await
            .unwrap_or_else(IntoResponse::into_response),
    };
    if let Some(origin) = origin {
        cors::allow(&mut response, &origin);
    }
    if head {
        // The length is that of the answer to a GET.
        let length = HttpBody::size_hint(response.body()).exact();
        if let Some(length) = length.filter(|_| response.status() != StatusCode::NOT_MODIFIED) {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Body::empty();
    }
    Ok(response)
}

/// Answers a request for whoever it turns out to be.
async fn answer(context: &NodeContext, mut request: HttpRequest<Body>) -> Result<Response, HttpError> {
    let Admitted { who, client, share } = admission::admit(context, &mut request).await?;
    if let Some(who) = who {
        request.extensions_mut().insert(who);
    }
    let request = Request::new(request, Arc::clone(&context.bodies))?;
    let answering = caught(route::dispatch(context, request));
    let answered = acting_for(Some(client), answering).await;
    let response = answered.unwrap_or_else(|panicked| Err(panicked.into()))?;
    // Its place among the requests under way is kept until there is an answer; of one that comes in pieces, until the last of them.
    Ok(match response.body().size_hint().exact() {
        Some(_) => response,
        None => response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _held = &share;
                frame
            }))
        }),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_client_that_takes_nothing_of_its_answer_loses_its_connection() {
        let (near, mut far) = duplex(1 << 10);
        let answer = |_| async { Ok(Response::new(Body::from(vec![b'x'; 1 << 20]))) };
        let (stop, within) = (CancellationToken::new(), Duration::from_millis(200));
        let conversing = converse(Connection::new(near), answer, &stop, within);
        let asking = async {
            far.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            far.read_u8().await.unwrap();
        };
        let both = async { tokio::join!(conversing, asking) };
        tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    }
}
