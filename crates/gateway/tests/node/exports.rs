//! Exports through the public interface: one moment, with history, bounded; and that a stopping node ends streams.

use std::time::Instant;

use rejoin_api::Reason;
use rejoin_api::proto::ExportDocumentsRequest;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_client::{Client, Export, Exported, Watch};

use crate::common::{DEADLINE, node, reason, text};

async fn export(client: &Client, options: &Export) -> Vec<Exported> {
    let mut stream = client.export("things", options).await.unwrap();
    let mut all = Vec::new();
    while let Some(exported) = stream.next().await.unwrap() {
        all.push(exported);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_during_an_export_does_not_show_in_it() {
    let mut node = node().await;
    let filler = "x".repeat(64 << 10);
    for number in 0..200 {
        node.create(&format!("d{number:03}"), &format!(r#"{{"n":1.50,"x":"{filler}"}}"#))
            .await;
    }
    let before = export(&node.client, &Export::default()).await;
    assert_eq!(before.len(), 200);

    let mut stream = node.client.export("things", &Export::default()).await.unwrap();
    for number in 0..200 {
        node.update(&format!("d{number:03}"), r#"{"n":2}"#).await;
    }
    node.client.delete("things", "d007", None).await.unwrap();
    node.create("new", "{}").await;
    let mut during = Vec::new();
    while let Some(exported) = stream.next().await.unwrap() {
        during.push(exported);
    }
    assert!(
        during == before,
        "12 MiB of documents, of which most were read after the writes"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_with_history_has_every_revision_that_is_kept() {
    let mut node = node().await;
    for body in [r#"{"v":1}"#, r#"{"v":2}"#, r#"{"v":3}"#] {
        node.update("a", body).await;
    }
    node.create("b", "{}").await;
    node.client.delete("things", "b", None).await.unwrap();
    let options = Export {
        history: true,
        ..Export::default()
    };
    let all = export(&node.client, &options).await;
    assert_eq!(all.len(), 2);
    let (a, b) = (&all[0], &all[1]);
    assert_eq!(
        (a.document.id.as_str(), &a.document.body[..]),
        ("a", &br#"{"v":3}"#[..])
    );
    let bodies: Vec<_> = a.history.iter().map(|old| old.body.clone().unwrap()).collect();
    assert_eq!(bodies, [text(r#"{"v":2}"#), text(r#"{"v":1}"#)]);
    assert!(a.history[0].written >= a.history[1].written && a.history[0].superseded >= a.history[0].written);
    assert_eq!(a.history[0].datacenter.as_deref(), Some("dc-east"));
    assert!(b.document.deleted && b.document.id == "b" && b.history.len() == 1);
    let prefix = Export {
        prefix: "b".into(),
        history: false,
    };
    assert!(export(&node.client, &prefix).await.is_empty());
    assert_eq!(
        reason(node.client.export("nowhere", &options).await),
        Reason::DatabaseNotFound
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_are_bounded_in_number_and_in_the_time_that_nobody_reads_them() {
    let mut node = node().await;
    node.stop().await;
    node.settings.grpc.exports_max = 1;
    node.settings.grpc.export_stalled_after_ms = 2_000;
    node.try_start().await.unwrap();
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(2 << 20));
    for number in 0..8 {
        node.create(&format!("d{number}"), &large).await;
    }
    // A client that asks and does not read: its connection takes 64 KiB and no more.
    let channel = tonic::transport::Endpoint::new(format!("http://{}", node.address)).unwrap();
    let mut raw = DocumentServiceClient::new(channel.connect().await.unwrap()).max_decoding_message_size(64 << 20);
    let request = ExportDocumentsRequest {
        database: "things".into(),
        ..ExportDocumentsRequest::default()
    };
    let mut unread = raw.export_documents(request).await.unwrap().into_inner();
    assert_eq!(
        reason(node.client.export("things", &Export::default()).await),
        Reason::Overloaded
    );
    let end = Instant::now() + DEADLINE;
    while node.client.export("things", &Export::default()).await.is_err() {
        assert!(Instant::now() < end, "an export that nobody reads goes on for ever");
    }
    let mut documents = 0;
    let error = loop {
        match unread.message().await {
            Ok(Some(_)) => documents += 1,
            Ok(None) => panic!("it looks complete after {documents} documents"),
            Err(error) => break error,
        }
    };
    assert!(error.message().contains("was not read"), "{error}");
    assert!(documents < 8);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_node_ends_watches_and_exports() {
    let mut node = node().await;
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(4 << 20));
    for number in 0..6 {
        node.create(&format!("d{number}"), &large).await;
    }
    let follow = Watch {
        follow: true,
        bodies: true,
        ..Watch::default()
    };
    let mut changes = node.client.watch("things", &follow).await.unwrap();
    let mut documents = node.client.export("things", &Export::default()).await.unwrap();
    let client = node.client.clone();
    let stopping = tokio::spawn(async move {
        node.stop().await;
        node
    });
    let ends = async {
        while let Ok(Some(_)) = changes.next_event().await {}
        while let Ok(Some(_)) = documents.next().await {}
    };
    tokio::time::timeout(DEADLINE, ends).await.expect("the streams end");
    stopping.await.unwrap();
    assert!(client.export("things", &Export::default()).await.is_err());
}
