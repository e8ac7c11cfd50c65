//! Reads of many documents through the public interface: ranges, several at once, watches that go on, exports.

use std::time::{Duration, Instant};

use rejoin_api::Reason;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::proto::{ExportDocumentsRequest, ListDocumentsRequest};
use rejoin_client::{CallError, Client, Export, Exported, Listing, Watch, WatchEvent, WatchFrom, WatchToken};

use crate::common::{
    DEADLINE, TestNode, database, eventually, free_address, pair, reason, text, wait_for_equal_digests,
};

async fn node() -> TestNode {
    let node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    node
}

fn ids(listing: &[&str]) -> Vec<String> {
    listing.iter().map(|id| (*id).to_owned()).collect()
}

async fn list(client: &Client, listing: &Listing, size: u32) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = client.list_with("things", listing, size, after).await.unwrap();
        ids.extend(page.items.into_iter().map(|document| document.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_listed_forward_and_backward_and_without_bodies() {
    let mut node = node().await;
    for id in ["a", "b/1", "b/2", "b/3", "c"] {
        node.create(id, r#"{"n":1.50}"#).await;
    }
    let prefix = Listing {
        prefix: "b/".into(),
        ..Listing::default()
    };
    let range = Listing {
        from: Some("b/2".into()),
        to: Some("c".into()),
        descending: true,
        omit_bodies: true,
        ..Listing::default()
    };
    for size in [1, 2, 0] {
        assert_eq!(list(&node.client, &prefix, size).await, ["b/1", "b/2", "b/3"]);
        assert_eq!(list(&node.client, &range, size).await, ["b/3", "b/2"]);
    }
    let whole = &node.client.list_with("things", &prefix, 1, None).await.unwrap().items[0];
    let bare = &node.client.list_with("things", &range, 1, None).await.unwrap().items[0];
    assert_eq!((&whole.body[..], &bare.body[..]), (&br#"{"n":1.50}"#[..], &b""[..]));
    assert_eq!((bare.checksum, &bare.revision), (whole.checksum, &whole.revision));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_belongs_to_its_range_and_a_range_must_make_sense() {
    let mut node = node().await;
    node.client.create_database(&database("others", &[])).await.unwrap();
    for id in ["a", "b", "c"] {
        node.create(id, "{}").await;
    }
    let descending = Listing {
        descending: true,
        ..Listing::default()
    };
    let token = node
        .client
        .list_with("things", &descending, 1, None)
        .await
        .unwrap()
        .next
        .unwrap();
    for other in [
        Listing::default(),
        Listing {
            prefix: "a".into(),
            ..descending.clone()
        },
        Listing {
            from: Some("a".into()),
            ..descending.clone()
        },
        Listing {
            to: Some("c".into()),
            ..descending.clone()
        },
    ] {
        let refused = node.client.list_with("things", &other, 1, Some(token.clone())).await;
        assert_eq!(reason(refused), Reason::InvalidPageToken, "{other:?}");
    }
    let elsewhere = node
        .client
        .list_with("others", &descending, 1, Some(token.clone()))
        .await;
    assert_eq!(reason(elsewhere), Reason::InvalidPageToken);
    let bare = Listing {
        omit_bodies: true,
        ..descending
    };
    assert!(node.client.list_with("things", &bare, 5, Some(token)).await.is_ok());

    let reversed = Listing {
        from: Some("c".into()),
        to: Some("a".into()),
        ..bare
    };
    let refused = node.client.list_with("things", &reversed, 1, None).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::InvalidFilter));
    assert!(
        refused.to_string().contains("the lesser one in descending order too"),
        "{refused}"
    );
    let long = Listing {
        prefix: "x".repeat(513),
        ..Listing::default()
    };
    assert_eq!(
        reason(node.client.list_with("things", &long, 1, None).await),
        Reason::InvalidFilter
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_documents_are_answered_in_the_order_of_their_ids_and_the_bounds_are_refused_clearly() {
    let mut node = node().await;
    node.create("a", r#"{"n":1}"#).await;
    node.create("b", r#"{"n":2}"#).await;
    node.create("gone", "{}").await;
    node.client.delete("things", "gone", None).await.unwrap();
    let asked = ids(&["b", "absent", "a", "gone", "b"]);
    let found = node.client.get_many("things", &asked).await.unwrap();
    let bodies = found
        .iter()
        .map(|found| found.as_ref().map(|document| document.body.to_vec()));
    let (one, two) = (br#"{"n":1}"#.to_vec(), br#"{"n":2}"#.to_vec());
    assert_eq!(
        bodies.collect::<Vec<_>>(),
        [Some(two.clone()), None, Some(one), None, Some(two)]
    );

    assert_eq!(reason(node.client.get_many("things", &[]).await), Reason::InvalidBatch);
    let many: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let refused = node.client.get_many("things", &many).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::InvalidBatch));
    assert!(refused.to_string().contains("1 to 1000"), "{refused}");
    assert_eq!(node.client.get_many("things", &many[..1000]).await.unwrap().len(), 1000);
    assert_eq!(
        reason(node.client.get_many("things", &ids(&["a", ""])).await),
        Reason::InvalidId
    );
    assert_eq!(
        reason(node.client.get_many("nowhere", &asked).await),
        Reason::DatabaseNotFound
    );

    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(6 << 20));
    let names = ids(&["l1", "l2", "l3"]);
    for id in &names {
        node.create(id, &large).await;
    }
    assert_eq!(
        node.client.get_many("things", &names).await.unwrap().len(),
        2,
        "what fits into 16 MiB"
    );
    node.stop().await;
}

/// Reads a watch that does not follow to its end: the ids, and where to go on.
async fn read(client: &Client, watch: &Watch) -> Result<(Vec<String>, WatchToken), CallError> {
    let mut stream = client.watch("things", watch).await?;
    let mut ids = Vec::new();
    while let Some(change) = stream.next().await? {
        ids.push(change.id);
    }
    Ok((ids, stream.token().unwrap().clone()))
}

fn after(token: &WatchToken) -> Watch {
    Watch {
        from: WatchFrom::After(token.clone()),
        ..Watch::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_at_the_same_node_at_another_one_and_after_a_restart() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    for id in ["a", "b", "c"] {
        east.create(id, "{}").await;
    }
    wait_for_equal_digests(&[&east, &west]).await;
    let (all, token) = read(&east.client, &Watch::default()).await.unwrap();
    assert_eq!(all, ["a", "b", "c"]);
    east.update("b", r#"{"n":1}"#).await;
    assert_eq!(read(&east.client, &after(&token)).await.unwrap().0, ["b"]);

    west.create("w", "{}").await;
    wait_for_equal_digests(&[&east, &west]).await;
    let mut moved = Vec::new();
    let mut at_west = token;
    // A document may arrive before the knowledge that covers it: what has been given is not given again for ever.
    eventually("the west has told of both", async || {
        let (ids, _) = read(&west.client, &after(&at_west)).await.unwrap();
        ids.len() == 2
    })
    .await;
    let (given, token) = read(&west.client, &after(&at_west)).await.unwrap();
    moved.extend(given);
    moved.sort_unstable();
    assert_eq!(moved, ["b", "w"], "not from the start, and nothing left out");
    at_west = token;

    west.stop().await;
    west.try_start().await.unwrap();
    assert_eq!(
        read(&west.client, &after(&at_west)).await.unwrap().0,
        Vec::<String>::new()
    );
    west.create("later", "{}").await;
    assert_eq!(read(&west.client, &after(&at_west)).await.unwrap().0, ["later"]);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_none_or_of_another_database_is_refused_with_what_to_do() {
    let mut node = node().await;
    node.client.create_database(&database("others", &[])).await.unwrap();
    node.create("a", "{}").await;
    let (_, token) = read(&node.client, &Watch::default()).await.unwrap();
    let elsewhere = node.client.watch("others", &after(&token)).await.unwrap_err();
    let mut garbled = token.as_bytes().to_vec();
    garbled[20] ^= 1;
    let garbled = read(&node.client, &after(&WatchToken::from_bytes(garbled)))
        .await
        .unwrap_err();
    let other = read(&node.client, &after(&WatchToken::from_bytes(&b"17"[..])))
        .await
        .unwrap_err();
    for error in [elsewhere, garbled, other] {
        assert_eq!(error.reason(), Some(Reason::InvalidWatchToken));
        assert!(error.to_string().contains("without a token"), "{error}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_carries_bodies_and_conflicts_and_keeps_to_its_filter() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("user/1", r#"{"n":1.50}"#).await;
    wait_for_equal_digests(&[&east, &west]).await;
    east.client.cut_link("dc-west").await.unwrap();
    west.client.cut_link("dc-east").await.unwrap();
    east.update("user/1", r#"{"n":2}"#).await;
    west.update("user/1", r#"{"n":3}"#).await;
    east.client.restore_link("dc-west").await.unwrap();
    west.client.restore_link("dc-east").await.unwrap();
    eventually("the conflict is there", async || {
        east.get("user/1")
            .await
            .is_some_and(|document| !document.conflicts.is_empty())
    })
    .await;
    east.create("user/2", r#"{"z":1.0,"a":2}"#).await;
    east.create("order/1", "{}").await;
    east.create("user/3", "{}").await;
    east.client.delete("things", "user/3", None).await.unwrap();
    let watch = Watch {
        prefix: "user/".into(),
        bodies: true,
        ..Watch::default()
    };
    let mut stream = east.client.watch("things", &watch).await.unwrap();
    let mut seen = Vec::new();
    while let Some(change) = stream.next().await.unwrap() {
        let body = change.body.map(|body| String::from_utf8(body.to_vec()).unwrap());
        seen.push((change.id, change.conflicts, change.deleted, body));
    }
    assert_eq!((seen[0].0.as_str(), seen[0].1), ("user/1", 1));
    let rest = [
        ("user/2".to_owned(), 0, false, Some(r#"{"z":1.0,"a":2}"#.to_owned())),
        ("user/3".to_owned(), 0, true, None),
    ];
    assert_eq!(seen[1..], rest);
    let some = Watch {
        ids: ids(&["order/1", "user/3"]),
        ..Watch::default()
    };
    assert_eq!(read(&east.client, &some).await.unwrap().0, ["order/1", "user/3"]);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_lets_nothing_through_sends_heartbeats_whose_tokens_move_on() {
    let mut node = node().await;
    let watch = Watch {
        follow: true,
        prefix: "nothing/".into(),
        heartbeat: Some(Duration::from_millis(100)),
        ..Watch::default()
    };
    let mut stream = node.client.watch("things", &watch).await.unwrap();
    let writer = node.client.clone();
    let writing = tokio::spawn(async move {
        for number in 0..50 {
            writer
                .create("things", &format!("d{number}"), text("{}"))
                .await
                .unwrap();
        }
    });
    let mut beats = 0;
    while !writing.is_finished() || beats < 3 {
        let event = tokio::time::timeout(DEADLINE, stream.next_event())
            .await
            .expect("in time");
        assert!(matches!(event.unwrap(), Some(WatchEvent::Heartbeat(_))));
        beats += 1;
    }
    writing.await.unwrap();
    // One more, which is from after the last write.
    tokio::time::timeout(DEADLINE, stream.next_event())
        .await
        .expect("in time")
        .unwrap();
    let token = stream.token().unwrap().clone();
    assert_eq!(
        read(&node.client, &after(&token)).await.unwrap().0,
        Vec::<String>::new(),
        "nothing is read again"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_from_now_says_at_once_where_that_is() {
    let mut node = node().await;
    node.create("old", "{}").await;
    let watch = Watch {
        from: WatchFrom::Now,
        follow: true,
        ..Watch::default()
    };
    let mut stream = node.client.watch("things", &watch).await.unwrap();
    let first = tokio::time::timeout(DEADLINE, stream.next_event())
        .await
        .expect("in time")
        .unwrap();
    let Some(WatchEvent::Heartbeat(now)) = first else {
        panic!("{first:?}")
    };
    node.create("new", "{}").await;
    let change = tokio::time::timeout(DEADLINE, stream.next())
        .await
        .expect("in time")
        .unwrap();
    assert_eq!(change.unwrap().id, "new");
    assert_eq!(read(&node.client, &after(&now)).await.unwrap().0, ["new"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_makes_no_sense_is_refused_clearly() {
    let mut node = node().await;
    let (_, token) = read(&node.client, &Watch::default()).await.unwrap();
    for (watch, said) in [
        (
            Watch {
                ids: (0..1001).map(|number| number.to_string()).collect(),
                ..Watch::default()
            },
            "at most 1000 ids",
        ),
        (
            Watch {
                heartbeat: Some(Duration::from_millis(99)),
                ..Watch::default()
            },
            "100 to 600000",
        ),
        (
            Watch {
                heartbeat: Some(Duration::from_secs(601)),
                ..Watch::default()
            },
            "100 to 600000",
        ),
        (
            Watch {
                prefix: "x".repeat(513),
                ..Watch::default()
            },
            "an id at most 512",
        ),
    ] {
        let error = node.client.watch("things", &watch).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::InvalidFilter));
        assert!(error.to_string().contains(said), "{error}");
    }
    let bad_id = Watch {
        ids: ids(&[""]),
        ..Watch::default()
    };
    assert_eq!(reason(node.client.watch("things", &bad_id).await), Reason::InvalidId);

    let channel = tonic::transport::Endpoint::new(format!("http://{}", node.address)).unwrap();
    let mut raw = DocumentServiceClient::new(channel.connect().await.unwrap());
    let both = rejoin_api::proto::WatchChangesRequest {
        database: "things".into(),
        from_now: true,
        resume_token: token.as_bytes().to_vec().into(),
        ..Default::default()
    };
    let refused = raw.watch_changes(both).await.unwrap_err();
    assert!(refused.message().contains("exclude each other"), "{refused}");
    let listed = raw.list_documents(ListDocumentsRequest {
        database: "things".into(),
        page_token: "02ff".into(),
        ..Default::default()
    });
    assert!(listed.await.is_err());
    node.stop().await;
}

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
    node.settings.grpc.export_stalled_after_ms = 300;
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
