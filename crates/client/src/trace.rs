//! Carries the credentials of the client and the trace of the caller to the node, the latter as OpenTelemetry's global propagator writes it: `traceparent` with the usual one.
//!
//! A call is a span of its own below that of its caller; a caller without a span gets none. What a caller traces with `tracing` is seen, and what it
//! traces with the interface of OpenTelemetry alone. Without a propagator nothing is sent.

use opentelemetry::propagation::Injector;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A connection over which each call says who makes it and which trace it belongs to.
pub(crate) type Traced = InterceptedService<Channel, Trace>;

/// Writes the credentials and the present span into the metadata of a call.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// The value of `authorization`, if there is one.
    pub(crate) authorization: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Trace {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let (context, metadata) = (present(), request.metadata_mut());
        if let Some(authorization) = &self.authorization {
            metadata.insert("authorization", authorization.clone());
        }
        global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Metadata(metadata)));
        Ok(request)
    }
}

/// The span of a call with a message of type `Q`, below the present one; none if there is none.
pub(crate) fn call_span<Q>() -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    let message = std::any::type_name::<Q>().rsplit("::").next().unwrap_or_default();
    let method = message.strip_suffix("Request").unwrap_or(message);
    tracing::info_span!(
        "rejoin_call",
        otel.name = method,
        otel.kind = "client",
        rpc.system = "grpc"
    )
}

fn present() -> Context {
    let context = Span::current().context();
    if context.span().span_context().is_valid() {
        context
    } else {
        Context::current()
    }
}

struct Metadata<'a>(&'a mut MetadataMap);

impl Injector for Metadata<'_> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        let key = MetadataKey::from_bytes(key.to_ascii_lowercase().as_bytes());
        if let (Ok(key), Ok(value)) = (key, MetadataValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}
