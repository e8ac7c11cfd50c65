//! Logs to standard error, traces and metrics by OTLP where a collector is configured, and metrics for Prometheus to fetch.
//!
//! `log.filter` or `RUST_LOG` chooses what is logged, and may change while the node runs. The variables of OpenTelemetry choose the collector:
//! `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`. Bodies are never logged.

use std::io::{self, IsTerminal};

use opentelemetry::{Key, KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_prometheus::{PrometheusExporter, ResourceSelector};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::propagation::TraceContextPropagator;
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
    /// The registry took no collector; a fresh one does.
    #[error("cannot collect figures for Prometheus: leave --metrics out, and report this")]
    Registry(#[from] OTelSdkError),
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
    registry: Option<prometheus::Registry>,
}

/// What is logged; a [`reload`] handle changes it.
type Filter = reload::Layer<EnvFilter, Registry>;

impl Telemetry {
    /// Sets up logs for this process, the exporters when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and a [registry](Self::registry) if figures are to
    /// be `scraped`.
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
        scraped: bool,
    ) -> Result<Self, TelemetryError> {
        // As everywhere in OpenTelemetry, a variable without text is one that is not set.
        let endpoint = std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|endpoint| !endpoint.is_empty());
        let exporters = Exporters::new(&resource(datacenter), endpoint.is_some(), scraped)?;
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

    /// The figures of this process, for Prometheus to fetch.
    pub(crate) fn registry(&self) -> Option<&prometheus::Registry> {
        self.exporters.registry.as_ref()
    }

    /// Sends what the exporters still hold. Blocks for as long as the collector takes, a few seconds at most.
    pub(crate) fn shutdown(self) {
        let Exporters { traces, metrics, .. } = self.exporters;
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
    fn new(resource: &Resource, exported: bool, scraped: bool) -> Result<Self, TelemetryError> {
        let mut exporters = Self::default();
        let mut metrics = SdkMeterProvider::builder().with_resource(resource.clone());
        if exported {
            let spans = SpanExporter::builder().with_tonic().build()?;
            let traces = SdkTracerProvider::builder().with_resource(resource.clone());
            exporters.traces = Some(traces.with_batch_exporter(spans).build());
            global::set_text_map_propagator(TraceContextPropagator::new());
            metrics = metrics.with_periodic_exporter(MetricExporter::builder().with_tonic().build()?);
        }
        if scraped {
            let registry = prometheus::Registry::new();
            metrics = metrics.with_reader(prometheus_reader(&registry)?);
            exporters.registry = Some(registry);
        }
        if exported || scraped {
            let metrics = metrics.build();
            global::set_meter_provider(metrics.clone());
            exporters.metrics = Some(metrics);
        }
        Ok(exporters)
    }
}

fn resource(datacenter: &DatacenterName) -> Resource {
    Resource::builder()
        .with_service_name(std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "rejoin".to_owned()))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new(DATACENTER, datacenter.to_string()))
        .build()
}

/// The attribute of everything that a node tells, and a label of each figure, as it is where a collector stands between.
const DATACENTER: &str = "datacenter";

/// Hands the instruments of a meter provider to `registry`, by the names that a collector would give them.
///
/// # Errors
///
/// The registry has them already.
pub(crate) fn prometheus_reader(registry: &prometheus::Registry) -> Result<PrometheusExporter, OTelSdkError> {
    opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .with_resource_selector(ResourceSelector::KeyAllowList(
            [Key::from_static_str(DATACENTER)].into(),
        ))
        .scope_info_enabled(false)
        .build()
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
