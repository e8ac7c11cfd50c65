//! What Prometheus fetches from a node is what happened there, and what the node exports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{client, database, eventually, free_address, text};
use crate::partition_figures::{Exporting, figures};
use crate::telemetry::start_collector;

/// An answer over HTTP: its head, and its body.
async fn fetch(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap()
}

/// Each line of a page without its comments: the name with its labels in the order of their names, and the value.
async fn scrape(address: SocketAddr) -> BTreeMap<String, f64> {
    let (head, body) = fetch(address, "GET", "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let parsed = samples.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (sorted(name), value.parse().unwrap())
    });
    parsed.collect()
}

/// No value of a label has a comma here.
fn sorted(sample: &str) -> String {
    let Some((name, labels)) = sample.strip_suffix('}').and_then(|sample| sample.split_once('{')) else {
        return sample.to_owned();
    };
    let mut labels: Vec<&str> = labels.split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

async fn shows(address: SocketAddr, sample: &str, value: f64) {
    eventually(&format!("{address} shows {sample} {value}"), async || {
        scrape(address).await.get(sample) == Some(&value)
    })
    .await;
}

/// The calls that were made of dc-east.
async fn shows_calls(at_east: SocketAddr) {
    let calls = |method: &str, code: u32| {
        format!(
            r#"rejoin_call_duration_seconds_count{{code="{code}",datacenter="dc-east",method="rejoin.v1.DocumentService/{method}"}}"#
        )
    };
    shows(at_east, &calls("CreateDocument", 0), 3.0).await;
    shows(at_east, &calls("UpdateDocument", 0), 1.0).await;
    shows(at_east, &calls("GetDocument", 5), 1.0).await;
    shows(
        at_east,
        r#"rejoin_commit_duration_seconds_count{datacenter="dc-east",operation="write"}"#,
        4.0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_prometheus_fetches_is_what_happened_and_what_a_collector_is_told() {
    let (collector, _traces, received) = start_collector();
    let [east, west, at_east, at_west] = [(); 4].map(|()| free_address());
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let start = |name, address, peer, data, metrics: SocketAddr| {
        let more = ["--metrics", &metrics.to_string()].map(str::to_owned);
        let more = more.each_ref().map(String::as_str);
        Exporting::start_with(name, address, peer, data, collector, &more)
    };
    let _east = start("dc-east", east, ("dc-west", west), &data[0], at_east);
    let _west = start("dc-west", west, ("dc-east", east), &data[1], at_west);
    let (east, west) = (client(east), client(west));
    eventually("both answer", async || {
        east.status().await.is_ok() && west.status().await.is_ok()
    })
    .await;
    east.create_database(&database("things", &[])).await.unwrap();
    for id in ["a", "b", "c"] {
        east.create("things", id, text(r#"{"n":0}"#)).await.unwrap();
    }
    shows(
        at_west,
        r#"rejoin_documents_stored{database="things",datacenter="dc-west"}"#,
        3.0,
    )
    .await;
    shows(
        at_west,
        r#"rejoin_link_connected{datacenter="dc-west",peer="dc-east"}"#,
        1.0,
    )
    .await;

    east.cut_link("dc-west").await.unwrap();
    for (client, body) in [(&east, r#"{"n":1}"#), (&west, r#"{"n":2}"#)] {
        client.update("things", "a", text(body), None).await.unwrap();
    }
    assert!(east.get("things", "none").await.is_err());
    shows(
        at_east,
        r#"rejoin_link_connected{datacenter="dc-east",peer="dc-west"}"#,
        0.0,
    )
    .await;
    east.restore_link("dc-west").await.unwrap();
    for (name, at, client) in [("dc-east", at_east, &east), ("dc-west", at_west, &west)] {
        shows(
            at,
            &format!(r#"rejoin_conflicts_open{{database="things",datacenter="{name}"}}"#),
            1.0,
        )
        .await;
        shows(at, &format!(r#"rejoin_disk_full{{datacenter="{name}"}}"#), 0.0).await;
        let link = client.status().await.unwrap().links.remove(0);
        let sample = format!(
            r#"rejoin_sync_documents_total{{datacenter="{name}",peer="{}"}}"#,
            link.datacenter
        );
        shows(at, &sample, link.documents_received as f64).await;
    }
    shows_calls(at_east).await;

    let fetched = scrape(at_east).await;
    let exported = figures(&received, "dc-east");
    assert!(exported.len() > 10, "{exported:?}");
    for (name, _) in exported.keys() {
        let name = name.replace('.', "_");
        assert!(
            fetched.keys().any(|sample| sample.starts_with(&name)),
            "{name} is not in {fetched:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_served_without_a_collector_and_nothing_else_is_there() {
    let (address, metrics, data) = (free_address(), free_address(), tempfile::tempdir().unwrap());
    let arguments = ["serve", "--datacenter", "dc-east", "--grpc"].map(str::to_owned);
    let node = Command::new(env!("CARGO_BIN_EXE_rejoin"))
        .args(arguments)
        .args([&address.to_string(), "--metrics", &metrics.to_string(), "--data"])
        .arg(data.path())
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut node = Exporting(node);
    let client = client(address);
    eventually("the node answers", async || client.status().await.is_ok()).await;
    shows(metrics, r#"rejoin_disk_full{datacenter="dc-east"}"#, 0.0).await;
    let (head, body) = fetch(metrics, "GET", "/metrics").await;
    assert!(
        head.contains("content-length") && body.contains("# TYPE rejoin_disk_free_bytes gauge"),
        "{head}\n{body}"
    );
    assert!(body.contains("# TYPE rejoin_call_duration_seconds histogram"), "{body}");
    for (method, path, status) in [
        ("GET", "/", "404"),
        ("POST", "/metrics", "405"),
        ("HEAD", "/metrics", "200"),
    ] {
        let (head, _) = fetch(metrics, method, path).await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{method} {path}: {head}"
        );
    }
    let stopped = Command::new("kill").arg(node.0.id().to_string()).status().unwrap();
    assert!(stopped.success());
    let ended = tokio::task::spawn_blocking(move || node.0.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(ended.success(), "{ended}");
}

/// What stands in a text of the names that a node gives its figures.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("rejoin_")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_figure_of_the_dashboard_and_of_the_alerts_is_there_after_a_partition() {
    let dashboard = include_str!("../../../../deploy/observability/grafana/dashboards/rejoin.json");
    let alerts = include_str!("../../../../deploy/observability/alerts.yml");
    let (collector, _traces, _received) = start_collector();
    let [at_east, at_west, metrics] = [(); 3].map(|()| free_address());
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let more = ["--metrics".to_owned(), metrics.to_string()];
    let more = more.each_ref().map(String::as_str);
    let _east = Exporting::start_with("dc-east", at_east, ("dc-west", at_west), &data[0], collector, &more);
    let _west = Exporting::start_with("dc-west", at_west, ("dc-east", at_east), &data[1], collector, &[]);
    let (east, west) = (client(at_east), client(at_west));
    eventually("both answer", async || {
        east.status().await.is_ok() && west.status().await.is_ok()
    })
    .await;
    east.create_database(&database("things", &[])).await.unwrap();
    let ahead = r#"rejoin_link_ahead{datacenter="dc-east",peer="dc-west"}"#;
    shows(metrics, ahead, 0.0).await;
    east.cut_link("dc-west").await.unwrap();
    for id in ["a", "b"] {
        east.create("things", id, text("{}")).await.unwrap();
    }
    shows(metrics, ahead, 2.0).await;
    east.restore_link("dc-west").await.unwrap();
    shows(metrics, ahead, 0.0).await;
    // A heal is counted where something came over the link, or nothing had to.
    eventually("all figures are there", async || {
        let fetched = scrape(metrics).await;
        let missing = |name: &&str| !fetched.keys().any(|sample| sample.split('{').next() == Some(name));
        let all: BTreeSet<&str> = named(dashboard).union(&named(alerts)).copied().collect();
        assert!(all.len() > 12, "{all:?}");
        let missing: Vec<&str> = all.into_iter().filter(missing).collect();
        if !missing.is_empty() {
            println!("not there yet: {missing:?}");
        }
        missing.is_empty()
    })
    .await;
}
