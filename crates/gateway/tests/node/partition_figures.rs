//! What two nodes tell a collector of a partition and its heal is what happened.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};
use rejoin_client::{Client, Heal};

use crate::common::{client, database, eventually, free_address, text};
use crate::telemetry::{Received, messages, start_collector};

/// A node that exports every 200 ms. Dropping it kills it.
pub(crate) struct Exporting(pub(crate) Child);

impl Drop for Exporting {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Exporting {
    fn start(
        name: &str,
        address: SocketAddr,
        peer: (&str, SocketAddr),
        data: &tempfile::TempDir,
        to: SocketAddr,
    ) -> Self {
        Self::start_with(name, address, peer, data, to, &[])
    }

    /// A node with more arguments.
    pub(crate) fn start_with(
        name: &str,
        address: SocketAddr,
        peer: (&str, SocketAddr),
        data: &tempfile::TempDir,
        to: SocketAddr,
        more: &[&str],
    ) -> Self {
        let node = Command::new(env!("CARGO_BIN_EXE_rejoin"))
            .args(["serve", "--datacenter", name, "--grpc", &address.to_string(), "--data"])
            .arg(data.path())
            .args(["--peer", &format!("{}=http://{}", peer.0, peer.1)])
            .args(more)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{to}"))
            .env("OTEL_BSP_SCHEDULE_DELAY", "200")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(node)
    }
}

/// The newest figures of each datacenter, by name and labels.
pub(crate) type Figures = BTreeMap<(String, String), f64>;

fn label(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

/// What one datacenter has said last, name and database or peer: for a histogram how often.
pub(crate) fn figures(received: &Received, datacenter: &str) -> Figures {
    let mut figures = Figures::new();
    let exports = messages::<ExportMetricsServiceRequest>(received).into_iter();
    let resources = exports.flat_map(|export| export.resource_metrics);
    let own = resources.filter(|of| {
        let attributes = of.resource.as_ref().map(|resource| resource.attributes.as_slice());
        label(attributes.unwrap_or_default(), "datacenter").as_deref() == Some(datacenter)
    });
    for metric in own.flat_map(|of| of.scope_metrics).flat_map(|scope| scope.metrics) {
        let points: Vec<(Vec<KeyValue>, f64)> = match metric.data.unwrap() {
            Data::Gauge(gauge) => gauge.data_points.into_iter().map(number).collect(),
            Data::Sum(sum) => sum.data_points.into_iter().map(number).collect(),
            Data::Histogram(histogram) => {
                let points = histogram.data_points.into_iter();
                points.map(|point| (point.attributes, point.count as f64)).collect()
            }
            other => panic!("{other:?}"),
        };
        for (attributes, value) in points {
            let of = label(&attributes, "database").or_else(|| label(&attributes, "peer"));
            figures.insert((metric.name.clone(), of.unwrap_or_default()), value);
        }
    }
    figures
}

fn number(point: opentelemetry_proto::tonic::metrics::v1::NumberDataPoint) -> (Vec<KeyValue>, f64) {
    let value = match point.value.unwrap() {
        number_data_point::Value::AsDouble(value) => value,
        number_data_point::Value::AsInt(value) => value as f64,
    };
    (point.attributes, value)
}

async fn says(received: &Received, datacenter: &str, name: &str, of: &str, value: f64) {
    let key = (name.to_owned(), of.to_owned());
    eventually(&format!("{datacenter} says {name} {of} {value}"), async || {
        figures(received, datacenter).get(&key) == Some(&value)
    })
    .await;
}

async fn heal_with(client: &Client, peer: &str) -> Heal {
    let find = async || {
        let heals = client.heals(10, None).await.unwrap().items;
        heals
            .into_iter()
            .find(|heal| heal.datacenter == peer && heal.documents_received > 0 && heal.converged.is_some())
    };
    eventually("the heal is reported", async || find().await.is_some()).await;
    find().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_of_a_partition_and_its_heal_are_what_happened() {
    let (collector, _traces, received) = start_collector();
    let (east, west) = (free_address(), free_address());
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let _east = Exporting::start("dc-east", east, ("dc-west", west), &data[0], collector);
    let _west = Exporting::start("dc-west", west, ("dc-east", east), &data[1], collector);
    let (east, west) = (client(east), client(west));
    eventually("both answer", async || {
        east.status().await.is_ok() && west.status().await.is_ok()
    })
    .await;
    east.create_database(&database("things", &[])).await.unwrap();
    for id in ["same", "other"] {
        east.create("things", id, text(r#"{"a":0,"b":0}"#)).await.unwrap();
    }
    eventually("dc-west has both", async || {
        west.get("things", "other").await.is_ok() && west.get("things", "same").await.is_ok()
    })
    .await;
    says(&received, "dc-east", "rejoin.link.connected", "dc-west", 1.0).await;

    east.cut_link("dc-west").await.unwrap();
    says(&received, "dc-east", "rejoin.link.connected", "dc-west", 0.0).await;
    says(&received, "dc-west", "rejoin.link.connected", "dc-east", 0.0).await;
    for (client, same, other) in [
        (&east, r#"{"a":1,"b":0}"#, r#"{"a":1,"b":0}"#),
        (&west, r#"{"a":2,"b":0}"#, r#"{"a":0,"b":2}"#),
    ] {
        client.update("things", "same", text(same), None).await.unwrap();
        client.update("things", "other", text(other), None).await.unwrap();
    }
    west.create("things", "of-the-west", text("{}")).await.unwrap();
    east.restore_link("dc-west").await.unwrap();

    let heal = heal_with(&east, "dc-west").await;
    assert_eq!(
        (heal.documents_received, heal.merged, heal.conflicts),
        (3, 2, 1),
        "{heal:?}"
    );
    says(&received, "dc-east", "rejoin.link.connected", "dc-west", 1.0).await;
    says(
        &received,
        "dc-east",
        "rejoin.sync.merged",
        "dc-west",
        heal.merged as f64,
    )
    .await;
    says(
        &received,
        "dc-east",
        "rejoin.sync.conflicts",
        "dc-west",
        heal.conflicts as f64,
    )
    .await;
    says(&received, "dc-east", "rejoin.heal.duration", "dc-west", 1.0).await;
    for datacenter in ["dc-east", "dc-west"] {
        says(&received, datacenter, "rejoin.conflicts.open", "things", 1.0).await;
        says(&received, datacenter, "rejoin.documents.stored", "things", 3.0).await;
        says(&received, datacenter, "rejoin.disk.full", "", 0.0).await;
        let figures = figures(&received, datacenter);
        let free = figures.get(&("rejoin.disk.free".to_owned(), String::new()));
        assert!(free.is_some_and(|bytes| *bytes > 0.0), "{figures:?}");
    }
}
