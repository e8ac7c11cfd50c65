//! What a node tells a collector: its figures and its spans, and never a body.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rejoin_document::Rule;
use tonic::body::Body;
use tonic::codegen::Body as _;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::Server;
use tower::Service;

use crate::common::{client, database, eventually, free_address, text};

/// Everything that came in, as it was encoded: names and values are plain text in it.
pub(crate) type Received = Arc<Mutex<Vec<u8>>>;

/// Takes whatever is exported and answers with an empty message.
#[derive(Clone)]
struct Sink(Received);

#[derive(Clone)]
struct Traces(Sink);

#[derive(Clone)]
struct Figures(Sink);

impl NamedService for Traces {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl NamedService for Figures {
    const NAME: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Sink {
    fn take(&self, request: Request<Body>) -> Answering {
        let received = Arc::clone(&self.0);
        Box::pin(async move {
            let mut body = request.into_body();
            while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                if let Ok(data) = frame.unwrap().into_data() {
                    received.lock().unwrap().extend_from_slice(&data);
                }
            }
            // The exporter misses an answer's message, but what it sent is here.
            Ok(tonic::Status::ok("").into_http())
        })
    }
}

macro_rules! sink_service {
    ($name:ident) => {
        impl Service<Request<Body>> for $name {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = Answering;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: Request<Body>) -> Answering {
                self.0.take(request)
            }
        }
    };
}

sink_service!(Traces);
sink_service!(Figures);

pub(crate) fn start_collector() -> (SocketAddr, Received, Received) {
    let address = free_address();
    let (traces, figures) = (Received::default(), Received::default());
    let server = Server::builder()
        .add_service(Traces(Sink(Arc::clone(&traces))))
        .add_service(Figures(Sink(Arc::clone(&figures))));
    tokio::spawn(server.serve(address));
    (address, traces, figures)
}

/// Every message that came in whole, each with the five bytes before it that gRPC puts there.
pub(crate) fn messages<M: prost::Message + Default>(received: &Received) -> Vec<M> {
    let bytes = received.lock().unwrap().clone();
    let (mut rest, mut messages) = (bytes.as_slice(), Vec::new());
    while let Some((head, after)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        // The last one may still be arriving.
        let Some((message, after)) = after.split_at_checked(length) else {
            break;
        };
        messages.push(M::decode(message).unwrap());
        rest = after;
    }
    messages
}

fn contains(received: &Received, text: &str) -> bool {
    received
        .lock()
        .unwrap()
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_and_spans_are_exported_without_bodies() {
    let (collector, traces, figures) = start_collector();
    let data = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut node = Command::new(env!("CARGO_BIN_EXE_rejoin"))
        .args(["serve", "--datacenter", "dc-east", "--data"])
        .arg(data.path())
        .args(["--grpc", &address.to_string(), "--peer", "dc-west=http://127.0.0.1:9"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .env("OTEL_BSP_SCHEDULE_DELAY", "200")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = client(address);
    eventually("the node answers", async || client.status().await.is_ok()).await;
    client
        .create_database(&database("things", &[("/n", Rule::Counter)]))
        .await
        .unwrap();
    client
        .create("things", "the-id", text(r#"{"secret":"never-to-be-seen"}"#))
        .await
        .unwrap();

    for name in [
        "rejoin.commit.duration",
        "rejoin.conflicts.open",
        "rejoin.link.connected",
        "dc-west",
        "things",
    ] {
        eventually(name, async || contains(&figures, name)).await;
    }
    for name in ["create_document", "document_id", "the-id", "revision", "dc-east"] {
        eventually(name, async || contains(&traces, name)).await;
    }
    assert!(!contains(&figures, "the-id"), "no document ids in labels");
    let stopped = Command::new("kill")
        .args(["-TERM", &node.id().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success());
    assert!(
        tokio::task::spawn_blocking(move || node.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
    for received in [&figures, &traces] {
        assert!(!contains(received, "never-to-be-seen"), "a body left the node");
    }
}
