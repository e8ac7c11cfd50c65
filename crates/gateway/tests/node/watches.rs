//! Watches through the public interface: that go on anywhere, filtered, with heartbeats.

use std::time::Duration;

use rejoin_api::Reason;
use rejoin_api::proto::ListDocumentsRequest;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_client::{CallError, Client, Watch, WatchEvent, WatchFrom, WatchToken};

use crate::common::{DEADLINE, database, eventually, node, pair, reason, text, wait_for_equal_digests};
use crate::reading::ids;

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
async fn the_last_change_covers_the_pass_everywhere_and_an_earlier_one_says_that_it_covers_nothing_elsewhere() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    for id in ["a", "b", "c"] {
        east.create(id, "{}").await;
    }
    wait_for_equal_digests(&[&east, &west]).await;
    let mut stream = east.client.watch("things", &Watch::default()).await.unwrap();
    let mut tokens = Vec::new();
    while let Some(change) = stream.next().await.unwrap() {
        tokens.push(change.token);
    }
    assert!(!stream.is_from_start(), "nobody asked to go on");

    let again = async |client: &Client, token: &WatchToken| {
        let mut stream = client.watch("things", &after(token)).await.unwrap();
        let mut ids = Vec::new();
        let mut told_first = None;
        while let Some(event) = stream.next_event().await.unwrap() {
            told_first.get_or_insert(stream.is_from_start());
            if let WatchEvent::Change(change) = event {
                ids.push(change.id);
            }
        }
        (ids, told_first.unwrap())
    };
    // The west has the documents before it knows that it has all up to a time.
    eventually("the west covers them", async || {
        again(&west.client, &tokens[2]).await.0.is_empty()
    })
    .await;
    assert_eq!(again(&west.client, &tokens[2]).await, (Vec::new(), false));
    assert!(again(&west.client, &tokens[0]).await.1);
    assert_eq!(again(&west.client, &tokens[0]).await.0.len(), 3);
    let at_home = (vec!["b".to_owned(), "c".to_owned()], false);
    assert_eq!(again(&east.client, &tokens[0]).await, at_home);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_does_not_read_is_kept_little_for_and_gets_the_newest_in_the_end() {
    const WRITES: usize = 300;
    let mut node = node().await;
    node.create_things().await;
    let watch = Watch {
        follow: true,
        bodies: true,
        ..Watch::default()
    };
    let mut stream = node.client.watch("things", &watch).await.unwrap();
    let filling = "x".repeat(256 * 1024);
    // 75 MiB of changes of which each takes the place of the one before.
    for n in 0..WRITES {
        node.update("a", &format!(r#"{{"n":{n},"text":"{filling}"}}"#)).await;
    }
    let newest = format!("{{\"n\":{},", WRITES - 1);
    let mut given = 0;
    let reading = async {
        loop {
            let change = stream.next().await.unwrap().expect("it follows");
            given += 1;
            if change.body.is_some_and(|body| body.starts_with(newest.as_bytes())) {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.unwrap();
    // What waited in the node and in the connection, and one that was read for it meanwhile.
    assert!(given < WRITES / 3, "{given} changes were kept for it");
    node.stop().await;
}
