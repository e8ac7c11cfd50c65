//! The page for operators names every span that a node exports, and no other, with attributes that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{client, database, eventually, free_address, text};
use crate::partition_figures::Exporting;
use crate::telemetry::{Received, messages, start_collector};

const PAGE: &str = include_str!("../../../../docs/observability.md");

type Spans = BTreeMap<String, BTreeSet<String>>;

/// The words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// Each span of the page's table with its attributes.
fn documented() -> Spans {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| span |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.split('|').skip(1);
        let name = quoted(cells.next().unwrap()).next().unwrap();
        (name, quoted(cells.next().unwrap()).collect())
    })
    .collect()
}

/// Each span that was exported, under the name of its row, with all attributes that any of its kind has had.
fn exported(received: &Received) -> Spans {
    let mut spans = Spans::new();
    let exports = messages::<ExportTraceServiceRequest>(received).into_iter();
    let scopes = exports
        .flat_map(|export| export.resource_spans)
        .flat_map(|of| of.scope_spans);
    for span in scopes.flat_map(|scope| scope.spans) {
        let attributes = span.attributes.into_iter().map(|attribute| attribute.key);
        spans.entry(row(&span.name)).or_default().extend(attributes);
    }
    spans
}

/// The row for a span of this name: calls, requests and what calls do have one each, by an example.
fn row(name: &str) -> String {
    let is_one_of_ours = ["commit", "commit_group", "apply"].contains(&name);
    let row = match name {
        _ if is_one_of_ours => name,
        _ if name.contains('/') => "rejoin.v1.DocumentService/CreateDocument",
        _ if name.chars().all(|letter| letter.is_ascii_uppercase()) => "PUT",
        _ if name.contains('_') => "create_document",
        _ => name,
    };
    row.to_owned()
}

async fn put(http: SocketAddr, path: &str) {
    let mut stream = TcpStream::connect(http).await.unwrap();
    let request = format!("PUT {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_for_operators_names_every_span_and_no_other() {
    let (collector, spans, _figures) = start_collector();
    let [east, west, http] = [(); 3].map(|()| free_address());
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let more = ["--http".to_owned(), http.to_string()];
    let more = more.each_ref().map(String::as_str);
    let _east = Exporting::start_with("dc-east", east, ("dc-west", west), &data[0], collector, &more);
    let _west = Exporting::start_with("dc-west", west, ("dc-east", east), &data[1], collector, &[]);
    let (east, west) = (client(east), client(west));
    eventually("both answer", async || {
        east.status().await.is_ok() && west.status().await.is_ok()
    })
    .await;
    east.create_database(&database("things", &[])).await.unwrap();
    east.create("things", "a", text("{}")).await.unwrap();
    put(http, "/things/b").await;
    eventually("the peer has it", async || west.get("things", "b").await.is_ok()).await;
    assert!(east.cut_link("dc-west").await.unwrap());

    // Several operations at once are one commit.
    let batch = rejoin_client::Batch::new()
        .create("c", text("{}"))
        .create("d", text("{}"));
    east.write_each("things", batch).await.unwrap();
    let documented = documented();
    eventually("every span of the page is exported", async || {
        let exported = exported(&spans);
        documented.iter().all(|(name, attributes)| {
            exported
                .get(name)
                .is_some_and(|of| attributes.iter().all(|attribute| of.contains(attribute)))
        })
    })
    .await;
    let names: BTreeSet<String> = exported(&spans).into_keys().collect();
    assert_eq!(names, documented.into_keys().collect::<BTreeSet<String>>());
}
