//! One node through its public interface: lists, watches, loads, health, reflection, and stopping.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{DEADLINE, eventually, node, text};
use rejoin_client::{CallError, Watch, WatchFrom};
use tokio_stream::StreamExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_listed_in_pages_in_the_order_of_their_ids() {
    let mut node = node().await;
    for number in (0..25).rev() {
        node.create(&format!("d{number:02}"), "{}").await;
    }
    // The first page ends with d10; this one comes next, before d100 and d11.
    node.create("d10!", "{}").await;
    node.client.delete("things", "d03", None).await.unwrap();
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = node.client.list("things", 10, after).await.unwrap();
        assert!(page.items.len() <= 10);
        ids.extend(page.items.into_iter().map(|document| document.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected: Vec<String> = (0..25)
        .filter(|number| *number != 3)
        .map(|number| format!("d{number:02}"))
        .collect();
    expected.insert(10, "d10!".to_owned());
    assert_eq!(ids, expected);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_gives_what_was_there_and_then_what_follows() {
    let mut node = node().await;
    node.create("a", "{}").await;
    node.create("b", "{}").await;
    node.update("a", r#"{"n":1}"#).await;

    let mut current = node.client.watch("things", &Watch::default()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(change) = current.next().await.unwrap() {
        seen.push(change);
    }
    let ids: Vec<&str> = seen.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"], "one change a document, the newest, in order");

    let follow = Watch {
        from: WatchFrom::After(seen[1].token.clone()),
        follow: true,
        ..Watch::default()
    };
    let mut live = node.client.watch("things", &follow).await.unwrap();
    let node_client = node.client.clone();
    let writing = tokio::spawn(async move {
        for number in 0..500 {
            node_client
                .create("things", &format!("n{number:03}"), text("{}"))
                .await
                .unwrap();
        }
    });
    for number in 0..500 {
        let change = tokio::time::timeout(DEADLINE, live.next())
            .await
            .expect("in time")
            .unwrap()
            .unwrap();
        assert_eq!(change.id, format!("n{number:03}"));
    }
    writing.await.unwrap();
    node.client.delete("things", "a", None).await.unwrap();
    let change = tokio::time::timeout(DEADLINE, live.next())
        .await
        .expect("in time")
        .unwrap()
        .unwrap();
    assert!(change.id == "a" && change.deleted);

    node.stop().await;
    let end = tokio::time::timeout(DEADLINE, live.next())
        .await
        .expect("a stopping node ends its streams");
    assert!(!matches!(end, Ok(Some(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_answers_in_order_and_a_bad_document_does_not_stop_the_rest() {
    let mut node = node().await;
    let (sender, mut outcomes) = node.client.load("things");
    let sending = tokio::spawn(async move {
        for number in 0..2000u64 {
            let body = if number % 100 == 7 {
                "[".to_owned()
            } else {
                format!(r#"{{"n":{number}}}"#)
            };
            // Every id comes twice: the later one wins.
            sender
                .send(number, format!("d{}", number % 1000), text(&body))
                .await
                .unwrap();
        }
    });
    let (mut expected, mut refused) = (0, 0);
    while let Some(outcome) = outcomes.next().await.unwrap() {
        assert_eq!(outcome.tag, expected);
        assert_eq!(outcome.id, format!("d{}", expected % 1000));
        match outcome.result {
            Ok(_) => assert_ne!(expected % 100, 7),
            Err(error) => {
                assert_eq!(error.reason, "INVALID_JSON");
                refused += 1;
            }
        }
        expected += 1;
    }
    sending.await.unwrap();
    assert_eq!((expected, refused), (2000, 20));
    for number in [0, 1, 500, 999] {
        assert_eq!(
            node.body(&format!("d{number}")).await,
            Some(format!(r#"{{"n":{}}}"#, number + 1000))
        );
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_finds_the_pipeline_full_keeps_the_order_of_its_lines() {
    let mut node = node().await;
    node.stop().await;
    node.settings.commit.waiting_max = 1;
    node.try_start().await.unwrap();
    let (sender, mut outcomes) = node.client.load("things");
    let sending = tokio::spawn(async move {
        for number in 0..1500u64 {
            let (id, body) = (format!("d{}", number % 3), format!(r#"{{"n":{number}}}"#));
            sender.send(number, id, text(&body)).await.unwrap();
        }
    });
    while let Some(outcome) = outcomes.next().await.unwrap() {
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
    sending.await.unwrap();
    for number in 0..3 {
        let last = format!(r#"{{"n":{}}}"#, 1497 + number);
        assert_eq!(node.body(&format!("d{number}")).await, Some(last));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_answers_for_the_server_and_for_each_service() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

    let mut node = node().await;
    let channel = tonic::transport::Endpoint::new(format!("http://{}", node.address))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut health = HealthClient::new(channel);
    for service in ["", "rejoin.v1.DocumentService", "rejoin.v1.SyncService"] {
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_node_says_so_to_health_checks() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

    let mut node = node().await;
    for service in ["", "rejoin.v1.DocumentService"] {
        let endpoint = tonic::transport::Endpoint::new(format!("http://{}", node.address)).unwrap();
        let mut health = HealthClient::new(endpoint.connect().await.unwrap());
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let mut watch = health.watch(request).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        let watching = async {
            let next = tokio::time::timeout(DEADLINE, watch.message()).await;
            // It would keep the node from stopping.
            drop(watch);
            next.expect("in time").unwrap().expect("an answer").status()
        };
        let ((), next) = tokio::join!(node.stop(), watching);
        assert_eq!(next, ServingStatus::NotServing, "{service:?}");
        node.try_start().await.unwrap();
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_lists_every_service_in_both_versions() {
    use tonic_reflection::pb::{v1, v1alpha};

    let mut node = node().await;
    let channel = tonic::transport::Endpoint::new(format!("http://{}", node.address))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let request = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
        ..Default::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("not a list: {answer:?}")
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    let services = [
        "DocumentService",
        "ConflictService",
        "DatabaseService",
        "AdminService",
        "SyncService",
    ];
    for service in services {
        assert!(
            names.contains(&format!("rejoin.v1.{service}").as_str()),
            "{service} is not in {names:?}"
        );
    }
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");

    let request = v1alpha::ServerReflectionRequest {
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "rejoin.v1.DocumentService".into(),
            ),
        ),
        ..Default::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(file) = answer else {
        panic!("not a descriptor: {answer:?}")
    };
    assert!(!file.file_descriptor_proto.is_empty());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_node_answers_what_it_accepted_and_keeps_every_acknowledged_write() {
    let mut node = node().await;
    let replica = node.client.status().await.unwrap().replica;
    let count = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for writer in 0..8 {
        let client = crate::common::client(node.address);
        let count = Arc::clone(&count);
        writers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let id = format!("w{writer}-{number}");
                match client.create("things", &id, text("{}")).await {
                    Ok(_) => {
                        acknowledged.push(id);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    // Without an answer it must not be there either: the count below tells.
                    Err(CallError::Unreachable { .. } | CallError::Unknown { .. }) => return acknowledged,
                    Err(error) if error.is_temporary() => return acknowledged,
                    Err(error) => panic!("a call was broken off: {error}"),
                }
            }
            acknowledged
        }));
    }
    eventually("the writers are at work", async || count.load(Ordering::Relaxed) >= 100).await;
    node.stop().await;
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(tokio::time::timeout(DEADLINE, writer).await.expect("in time").unwrap());
    }
    node.try_start().await.unwrap();
    for id in &acknowledged {
        assert!(node.body(id).await.is_some(), "{id} was acknowledged");
    }
    let status = node.client.status().await.unwrap();
    assert_eq!(
        status.databases[0].documents,
        acknowledged.len() as u64,
        "what was not acknowledged is not there"
    );
    assert_eq!(status.replica, replica, "a clean stop keeps the identity");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_may_be_compressed_with_zstd() {
    use rejoin_api::proto::document_service_client::DocumentServiceClient;
    use rejoin_api::proto::{CreateDocumentRequest, GetDocumentRequest};
    use tonic::codec::CompressionEncoding::Zstd;
    use tonic_types::StatusExt;

    let mut node = node().await;
    let client = DocumentServiceClient::connect(format!("http://{}", node.address))
        .await
        .unwrap();
    let mut client = client.send_compressed(Zstd).accept_compressed(Zstd);
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    let request = CreateDocumentRequest {
        database: "things".into(),
        id: "a".into(),
        body: text(&body),
        ..CreateDocumentRequest::default()
    };
    client.create_document(request).await.unwrap();
    let request = GetDocumentRequest {
        database: "things".into(),
        id: "a".into(),
        revision: None,
        ..GetDocumentRequest::default()
    };
    let answer = client.get_document(request).await.unwrap();
    assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), "zstd");
    assert_eq!(answer.into_inner().document.unwrap().body, text(&body));
    // Small on the wire, and too large when it is unpacked.
    let request = CreateDocumentRequest {
        database: "things".into(),
        id: "huge".into(),
        body: text(&format!(r#"{{"a":"{}"}}"#, "x".repeat(40 << 20))),
        ..CreateDocumentRequest::default()
    };
    let mut client = client.max_encoding_message_size(usize::MAX);
    let refused = client.create_document(request).await.unwrap_err();
    let reason = refused.get_details_error_info().map(|info| info.reason);
    assert_eq!(reason.as_deref(), Some("BODY_TOO_LARGE"), "{refused:?}");
    node.stop().await;
}
