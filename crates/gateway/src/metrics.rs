//! Every instrument of a node, by the names of the OpenTelemetry conventions: dotted, lower case, the unit beside it.
//!
//! Labels are names of datacenters and databases, never document ids. Without an exporter recording costs nothing.

use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{KeyValue, global};
use rejoin_document::{DatabaseName, DatacenterName};

/// The instruments of a node. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    sync_documents: Counter<u64>,
    sync_quarantined: Counter<u64>,
    link_lag: Gauge<f64>,
    link_connected: Gauge<u64>,
    conflicts_open: Gauge<u64>,
    documents_stored: Gauge<u64>,
    clock_drift: Gauge<f64>,
    commit_duration: Histogram<f64>,
}

impl Metrics {
    /// The instruments at the process's meter provider.
    pub(crate) fn new() -> Self {
        Self::at(&global::meter("rejoin"))
    }

    fn at(meter: &Meter) -> Self {
        Self {
            sync_documents: meter
                .u64_counter("rejoin.sync.documents")
                .with_unit("{document}")
                .with_description("Documents received from a peer")
                .build(),
            sync_quarantined: meter
                .u64_counter("rejoin.sync.quarantined")
                .with_unit("{document}")
                .with_description("Documents of a peer that could not be applied and were set aside")
                .build(),
            link_lag: meter
                .f64_gauge("rejoin.link.lag")
                .with_unit("s")
                .with_description("Time since this node last had everything that the peer had")
                .build(),
            link_connected: meter
                .u64_gauge("rejoin.link.connected")
                .with_unit("1")
                .with_description("1 while the link is connected or catching up, else 0")
                .build(),
            conflicts_open: meter
                .u64_gauge("rejoin.conflicts.open")
                .with_unit("{document}")
                .with_description("Documents with at least one open conflict")
                .build(),
            documents_stored: meter
                .u64_gauge("rejoin.documents.stored")
                .with_unit("{document}")
                .with_description("Documents that are not deleted")
                .build(),
            clock_drift: meter
                .f64_gauge("rejoin.clock.drift")
                .with_unit("s")
                .with_description("How far a peer's clock is ahead of this node's; negative when it is behind")
                .build(),
            commit_duration: meter
                .f64_histogram("rejoin.commit.duration")
                .with_unit("s")
                .with_description("From handing a write to the commit pipeline until it is durable")
                .with_boundaries(vec![
                    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0,
                ])
                .build(),
        }
    }

    /// Documents that came from a peer, and how many of them were set aside.
    pub(crate) fn applied(&self, peer: &DatacenterName, received: u64, quarantined: u64) {
        let labels = [peer_label(peer)];
        self.sync_documents.add(received, &labels);
        if quarantined > 0 {
            self.sync_quarantined.add(quarantined, &labels);
        }
    }

    /// How a link stands now.
    pub(crate) fn link(&self, peer: &DatacenterName, connected: bool, lag: Option<Duration>) {
        let labels = [peer_label(peer)];
        self.link_connected.record(u64::from(connected), &labels);
        if let Some(lag) = lag {
            self.link_lag.record(lag.as_secs_f64(), &labels);
        }
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

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn peer_label(peer: &DatacenterName) -> KeyValue {
    KeyValue::new("peer", peer.to_string())
}
