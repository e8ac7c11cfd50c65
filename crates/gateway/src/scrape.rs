//! `/metrics`: the instruments of the process as Prometheus fetches them, on addresses of its own and nothing else there.
//!
//! It serves what [`crate::metrics`] records, by the same names as a collector that hands it on. It has no credentials: what it tells are names of
//! datacenters, databases and methods, and numbers. It knows nothing of the node.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus::{Registry, TextEncoder};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{Room, accept};
use crate::links::{Incoming, Transport};
use crate::node::{Interface, StartError};

/// Connections at one time, over all addresses: a few scrapers, each with one.
const CONNECTIONS_MAX: usize = 32;

/// How long answers that have begun may take once the process ends.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Addresses that are listened on.
pub(crate) struct Scrapes {
    addresses: Vec<SocketAddr>,
    listening: Vec<Incoming>,
}

/// Serves scrapes until it is stopped.
pub(crate) struct Scraping {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Scrapes {
    /// Listens on `addresses`.
    ///
    /// # Errors
    ///
    /// One of them cannot be listened on.
    pub(crate) async fn listen(transport: &dyn Transport, addresses: &[SocketAddr]) -> Result<Self, StartError> {
        let mut scrapes = Self {
            addresses: Vec::with_capacity(addresses.len()),
            listening: Vec::with_capacity(addresses.len()),
        };
        for address in addresses {
            let listening = transport.listen(*address).await;
            let (address, incoming) =
                listening.map_err(|source| StartError::listen(Interface::Metrics, *address, source))?;
            scrapes.addresses.push(address);
            scrapes.listening.push(incoming);
        }
        Ok(scrapes)
    }

    /// The addresses that were bound.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers with the figures of `registry`.
    pub(crate) fn serve(self, registry: Registry) -> Scraping {
        let scraping = Scraping {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        for incoming in self.listening {
            let room = Room {
                connections: Arc::clone(&connections),
                stop: scraping.stop.clone(),
                tasks: scraping.tasks.clone(),
            };
            let registry = registry.clone();
            let answer = move |request| {
                let answer = answer(&registry, &request);
                async move { Ok::<_, Infallible>(answer) }
            };
            scraping.tasks.spawn(accept(incoming, room, answer));
        }
        scraping
    }
}

impl Scraping {
    /// Ends once what was asked is answered, within a bound.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::debug!("a scraper takes its answer too slowly");
        }
    }
}

fn answer<B>(registry: &Registry, request: &Request<B>) -> Response {
    let readable = [Method::GET, Method::HEAD].contains(request.method());
    let mut response = match request.uri().path() {
        "/metrics" if readable => page(registry),
        "/metrics" => (
            StatusCode::METHOD_NOT_ALLOWED,
            [(ALLOW, "GET,HEAD")],
            "fetch it with GET\n",
        )
            .into_response(),
        _ => (StatusCode::NOT_FOUND, "the figures are under /metrics\n").into_response(),
    };
    if *request.method() == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

fn page(registry: &Registry) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the figures cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_the_figures_are_there_and_only_to_be_read() {
        let status = |method: Method, path: &str| {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            answer(&Registry::new(), &request).status().as_u16()
        };
        assert_eq!(status(Method::GET, "/metrics"), 200);
        assert_eq!(status(Method::HEAD, "/metrics"), 200);
        assert_eq!(status(Method::POST, "/metrics"), 405);
        assert_eq!(status(Method::GET, "/"), 404);
        assert_eq!(status(Method::GET, "/metrics/x"), 404);
    }
}
