//! Every instrument of a node, by the names of the OpenTelemetry conventions: dotted, lower case, the unit beside it.
//!
//! Labels are names of datacenters, databases, methods and operations, never document ids. Without an exporter recording costs nothing.

use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{KeyValue, global};
use rejoin_document::{DatabaseName, DatacenterName};
use rejoin_store::Applied;
use tonic::Code;

/// The instruments of a node. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    sync_documents: Counter<u64>,
    sync_merged: Counter<u64>,
    sync_conflicts: Counter<u64>,
    sync_quarantined: Counter<u64>,
    heal_duration: Histogram<f64>,
    link_lag: Gauge<f64>,
    link_connected: Gauge<u64>,
    link_ahead: Gauge<u64>,
    conflicts_open: Gauge<u64>,
    documents_stored: Gauge<u64>,
    clock_drift: Gauge<f64>,
    commit_duration: Histogram<f64>,
    call_duration: Histogram<f64>,
    disk_free: Gauge<u64>,
    disk_full: Gauge<u64>,
}

/// Upper ends of the classes in which times of calls and commits are counted, in seconds.
const SHORT_TIMES_S: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

/// The same for heals: after a long partition of large databases one takes minutes.
const LONG_TIMES_S: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0];

impl Metrics {
    /// The instruments at the process's meter provider.
    pub(crate) fn new() -> Self {
        Self::at(&global::meter("rejoin"))
    }

    fn at(meter: &Meter) -> Self {
        let at = Instruments(meter);
        Self {
            sync_documents: at.counter("rejoin.sync.documents", "Documents received from a peer"),
            sync_merged: at.counter(
                "rejoin.sync.merged",
                "Documents in which writes of a peer met other ones and were merged",
            ),
            sync_conflicts: at.counter(
                "rejoin.sync.conflicts",
                "Documents in which writes of a peer opened a conflict",
            ),
            heal_duration: at.times(
                "rejoin.heal.duration",
                &LONG_TIMES_S,
                "From the return of a link with a peer until this node had all that the peer had",
            ),
            sync_quarantined: at.counter(
                "rejoin.sync.quarantined",
                "Documents of a peer that could not be applied and were set aside",
            ),
            link_lag: at.seconds(
                "rejoin.link.lag",
                "Time since this node last had everything that the peer had",
            ),
            link_connected: at.gauge(
                "rejoin.link.connected",
                "{link}",
                "1 while the link is connected or catching up, else 0",
            ),
            link_ahead: at.gauge(
                "rejoin.link.ahead",
                "{document}",
                "Documents whose newest change here the peer has not taken in, as far as it has told; 10000 stands for more as well",
            ),
            conflicts_open: at.gauge(
                "rejoin.conflicts.open",
                "{document}",
                "Documents with at least one open conflict",
            ),
            documents_stored: at.gauge(
                "rejoin.documents.stored",
                "{document}",
                "Documents that are not deleted",
            ),
            clock_drift: at.seconds(
                "rejoin.clock.drift",
                "How far a peer's clock is ahead of this node's; negative when it is behind",
            ),
            commit_duration: at.times(
                "rejoin.commit.duration",
                &SHORT_TIMES_S,
                "From handing a write to the commit pipeline until it is durable",
            ),
            call_duration: at.times(
                "rejoin.call.duration",
                &SHORT_TIMES_S,
                "From the arrival of a call over gRPC until its answer is ready, or its stream is open",
            ),
            disk_free: at.gauge(
                "rejoin.disk.free",
                "By",
                "What is free on the disk of the data directory beyond what the node itself needs",
            ),
            disk_full: at.gauge(
                "rejoin.disk.full",
                "{disk}",
                "1 while the node takes no writes because its disk is full, else 0",
            ),
        }
    }

    /// What became of documents that came from a peer.
    pub(crate) fn applied(&self, peer: &DatacenterName, applied: &Applied) {
        let labels = [peer_label(peer)];
        self.sync_documents.add(applied.received, &labels);
        let rare = [
            (&self.sync_merged, applied.merged),
            (&self.sync_conflicts, applied.new_conflicts.len() as u64),
            (&self.sync_quarantined, applied.quarantined),
        ];
        for (counter, documents) in rare.into_iter().filter(|(_, documents)| *documents > 0) {
            counter.add(documents, &labels);
        }
    }

    /// A link with a peer is back, and this node had all that the peer had after so long.
    pub(crate) fn healed(&self, peer: &DatacenterName, took: Duration) {
        self.heal_duration.record(took.as_secs_f64(), &[peer_label(peer)]);
    }

    /// Whether the disk takes no writes, and what is free on it, if that is known.
    pub(crate) fn disk(&self, full: bool, free_bytes: Option<u64>) {
        self.disk_full.record(u64::from(full), &[]);
        if let Some(free) = free_bytes {
            self.disk_free.record(free, &[]);
        }
    }

    /// A call was answered. `method` is one that this node has: a client must not make up labels.
    pub(crate) fn called(&self, method: String, code: Code, took: Duration) {
        let labels = [
            KeyValue::new("method", method),
            KeyValue::new("code", i64::from(i32::from(code))),
        ];
        self.call_duration.record(took.as_secs_f64(), &labels);
    }

    /// How a link stands now. What is counted with it is there from the first time on, so that the first event shows as a rise.
    pub(crate) fn link(&self, peer: &DatacenterName, connected: bool, lag: Duration) {
        let labels = [peer_label(peer)];
        for counter in [
            &self.sync_documents,
            &self.sync_merged,
            &self.sync_conflicts,
            &self.sync_quarantined,
        ] {
            counter.add(0, &labels);
        }
        self.link_connected.record(u64::from(connected), &labels);
        self.link_lag.record(lag.as_secs_f64(), &labels);
    }

    /// How many documents have changed here that a peer has not taken in.
    pub(crate) fn ahead(&self, peer: &DatacenterName, documents: u64) {
        self.link_ahead.record(documents, &[peer_label(peer)]);
    }

    /// What a database holds now.
    pub(crate) fn database(&self, database: &DatabaseName, documents: u64, conflicts: u64) {
        let labels = [KeyValue::new("database", database.to_string())];
        self.documents_stored.record(documents, &labels);
        self.conflicts_open.record(conflicts, &labels);
    }

    /// How far a peer's clock is ahead, in seconds.
    pub(crate) fn drift(&self, peer: &DatacenterName, seconds: f64) {
        self.clock_drift.record(seconds, &[peer_label(peer)]);
    }

    /// How long a commit took.
    pub(crate) fn committed(&self, operation: &'static str, took: Duration) {
        self.commit_duration
            .record(took.as_secs_f64(), &[KeyValue::new("operation", operation)]);
    }
}

/// Makes instruments. Units are those of the conventions: `s`, `By`, and what is counted in braces.
struct Instruments<'a>(&'a Meter);

impl Instruments<'_> {
    /// Documents, counted up.
    fn counter(&self, name: &'static str, description: &'static str) -> Counter<u64> {
        let counter = self.0.u64_counter(name).with_unit("{document}");
        counter.with_description(description).build()
    }

    fn gauge(&self, name: &'static str, unit: &'static str, description: &'static str) -> Gauge<u64> {
        let gauge = self.0.u64_gauge(name).with_unit(unit);
        gauge.with_description(description).build()
    }

    /// A span of time.
    fn seconds(&self, name: &'static str, description: &'static str) -> Gauge<f64> {
        let gauge = self.0.f64_gauge(name).with_unit("s");
        gauge.with_description(description).build()
    }

    /// Spans of time, by classes with these upper ends in seconds.
    fn times(&self, name: &'static str, ends_s: &[f64], description: &'static str) -> Histogram<f64> {
        let times = self.0.f64_histogram(name).with_unit("s");
        times
            .with_description(description)
            .with_boundaries(ends_s.to_vec())
            .build()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn peer_label(peer: &DatacenterName) -> KeyValue {
    KeyValue::new("peer", peer.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::metrics::data::ResourceMetrics;
    use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
    use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};

    use super::*;

    const DASHBOARD: &str = include_str!("../../../deploy/observability/grafana/dashboards/rejoin.json");

    const PAGE: &str = include_str!("../../../docs/observability.md");

    /// Keeps the name and the unit of each instrument.
    #[derive(Clone, Debug, Default)]
    struct Names(Arc<Mutex<BTreeSet<(String, String)>>>);

    impl PushMetricExporter for Names {
        async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
            let figures = metrics.scope_metrics().flat_map(|scope| scope.metrics());
            let names = figures.map(|figure| (figure.name().to_owned(), figure.unit().to_owned()));
            self.0.lock().unwrap().extend(names);
            Ok(())
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }

        fn temporality(&self) -> Temporality {
            Temporality::Cumulative
        }
    }

    /// The name that a collector gives a figure for Prometheus, without what it adds for its kind.
    fn prometheus_name(name: &str, unit: &str) -> String {
        let unit = match unit {
            "s" => "_seconds",
            "By" => "_bytes",
            annotation if annotation.starts_with('{') => "",
            other => panic!("{name}: the unit {other:?} would be spelled out by the collector"),
        };
        format!("{}{unit}", name.replace('.', "_"))
    }

    fn record_all(metrics: &Metrics) {
        let peer = "dc-west".parse().unwrap();
        let applied = Applied {
            received: 1,
            merged: 1,
            new_conflicts: vec!["a-document".parse().unwrap()],
            quarantined: 1,
            ..Applied::default()
        };
        metrics.applied(&peer, &applied);
        metrics.healed(&peer, Duration::from_secs(1));
        metrics.link(&peer, true, Duration::ZERO);
        metrics.ahead(&peer, 1);
        metrics.database(&"things".parse().unwrap(), 1, 1);
        metrics.drift(&peer, 0.1);
        metrics.disk(false, Some(1));
        metrics.committed("write", Duration::ZERO);
        metrics.called(
            "rejoin.v1.DocumentService/GetDocument".to_owned(),
            Code::Ok,
            Duration::ZERO,
        );
    }

    fn instruments() -> BTreeSet<(String, String)> {
        let names = Names::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(names.clone())
            .build();
        record_all(&Metrics::at(&provider.meter("rejoin")));
        provider.force_flush().unwrap();
        names.0.lock().unwrap().clone()
    }

    #[test]
    fn prometheus_fetches_every_figure_by_the_name_that_a_collector_gives_it() {
        let registry = prometheus::Registry::new();
        let reader = crate::telemetry::prometheus_reader(&registry).unwrap();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        record_all(&Metrics::at(&provider.meter("rejoin")));
        let fetched: BTreeSet<String> = registry
            .gather()
            .iter()
            .map(|family| family.name().to_owned())
            .filter(|name| name != "target_info")
            .collect();
        let counters = ["documents", "merged", "conflicts", "quarantined"].map(|name| format!("rejoin.sync.{name}"));
        let expected: BTreeSet<String> = instruments()
            .iter()
            .map(|(name, unit)| {
                let total = if counters.contains(name) { "_total" } else { "" };
                format!("{}{total}", prometheus_name(name, unit))
            })
            .collect();
        assert_eq!(fetched, expected);
    }

    #[test]
    fn the_page_for_operators_lists_every_figure_and_no_other() {
        // The table of spans comes after that of the figures.
        let (figures, _) = PAGE.split_once("## Traces").unwrap();
        let rows = figures.lines().filter_map(|line| line.strip_prefix("| `rejoin."));
        let listed: BTreeSet<String> = rows
            .filter_map(|row| row.split('`').next())
            .map(|name| format!("rejoin.{name}"))
            .collect();
        assert_eq!(listed, instruments().into_iter().map(|(name, _)| name).collect());
    }

    #[test]
    fn the_dashboard_shows_every_figure_and_no_other() {
        let instruments = instruments();
        let figures: BTreeSet<String> = instruments
            .iter()
            .map(|(name, unit)| prometheus_name(name, unit))
            .collect();
        let words = DASHBOARD.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let shown: BTreeSet<String> = words
            .filter(|word| word.starts_with("rejoin_"))
            .map(|word| {
                let kinds = ["_total", "_bucket", "_count"];
                let kind = kinds.iter().find_map(|kind| word.strip_suffix(kind));
                kind.unwrap_or(word).to_owned()
            })
            .collect();
        assert_eq!(shown, figures);
    }
}
