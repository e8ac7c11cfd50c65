//! Logs to standard error, and traces and metrics by OTLP where a collector is configured.
//!
//! `log.filter` or `RUST_LOG` chooses what is logged, and may change while the node runs. The variables of OpenTelemetry choose the collector:
//! `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`. Bodies are never logged.

use std::io::{self, IsTerminal};

use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider, trace::SdkTracerProvider};
use rejoin_document::DatacenterName;
use thiserror::Error;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::{ConfigError, LogFormat, LogSettings};

/// Why telemetry could not be set up.
#[derive(Debug, Error)]
pub(crate) enum TelemetryError {
    /// The exporter refused its configuration.
    #[error("cannot export telemetry: check OTEL_EXPORTER_OTLP_ENDPOINT")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Another subscriber is in place.
    #[error("logging was set up before")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the exporters alive; [`Telemetry::shutdown`] sends what they still hold.
#[derive(Debug)]
pub(crate) struct Telemetry {
    filter: reload::Handle<EnvFilter, Registry>,
    exporters: Exporters,
}

#[derive(Debug, Default)]
struct Exporters {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

/// What is logged; a [`reload`] handle changes it.
type Filter = reload::Layer<EnvFilter, Registry>;

impl Telemetry {
    /// Sets up logs for this process, and the exporters when `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
    ///
    /// Must be called inside a tokio runtime: the exporters' connections live there.
    ///
    /// # Errors
    ///
    /// A variable of OpenTelemetry holds nonsense, or it was called before.
    pub(crate) fn start(
        format: LogFormat,
        filter: EnvFilter,
        datacenter: &DatacenterName,
    ) -> Result<Self, TelemetryError> {
        // As everywhere in OpenTelemetry, a variable without text is one that is not set.
        let endpoint = std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|endpoint| !endpoint.is_empty());
        let exporters = if endpoint.is_some() {
            Exporters::new(datacenter)?
        } else {
            Exporters::default()
        };
        let (filter, handle) = Filter::new(filter);
        let traces = exporters.traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("rejoin"))
                .with_filter(own_spans_only())
        });
        tracing_subscriber::registry()
            .with(log_layer(format, filter))
            .with(traces)
            .try_init()?;
        Ok(Self {
            filter: handle,
            exporters,
        })
    }

    /// Logs what `filter` lets through from now on.
    pub(crate) fn log(&self, filter: EnvFilter) {
        if let Err(error) = self.filter.reload(filter) {
            tracing::warn!(%error, "what is logged stays as it is");
        }
    }

    /// Sends what the exporters still hold. Blocks for as long as the collector takes, a few seconds at most.
    pub(crate) fn shutdown(self) {
        let Exporters { traces, metrics } = self.exporters;
        if let Some(provider) = traces
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last spans were not exported");
        }
        if let Some(provider) = metrics
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last metrics were not exported");
        }
    }
}

impl Exporters {
    fn new(datacenter: &DatacenterName) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "rejoin".to_owned()))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("datacenter", datacenter.to_string()))
            .build();
        let spans = SpanExporter::builder().with_tonic().build()?;
        let traces = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(spans)
            .build();
        let figures = MetricExporter::builder().with_tonic().build()?;
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(figures)
            .build();
        global::set_meter_provider(metrics.clone());
        Ok(Self {
            traces: Some(traces),
            metrics: Some(metrics),
        })
    }
}

/// What `log.filter` lets through.
///
/// # Errors
///
/// [`ConfigError::LogFilter`]: it does not parse.
pub(crate) fn log_filter(settings: &LogSettings) -> Result<EnvFilter, ConfigError> {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(&settings.filter)
        .map_err(|error| ConfigError::LogFilter {
            problem: error.to_string(),
            text: settings.filter.clone(),
        })
}

fn log_layer(format: LogFormat, filter: Filter) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).with_filter(filter).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
    }
}

/// The exporters speak gRPC themselves: their own spans would be exported for ever.
fn own_spans_only() -> tracing_subscriber::filter::Targets {
    tracing_subscriber::filter::Targets::new().with_target("rejoin", tracing::Level::DEBUG)
}
