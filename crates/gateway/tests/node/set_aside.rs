//! A document that cannot be applied: set aside, listed, forwarded, tried again, and in nobody's way.

use std::process::Command;

use bytes::Bytes;
use rejoin_api::Reason;
use rejoin_client::LinkState;
use rejoin_document::Document;
use rejoin_store::Item;
use serde_json::{Value, json};

use crate::common::{TestNode, eventually, pair, reason};
use crate::verified::{apply, ghost, things};

/// A state as no version of today writes it.
const ODD: &[u8] = b"\xffof a later version";

fn item(id: &str, state: Bytes) -> Item {
    Item {
        id: id.parse().unwrap(),
        state,
        joined: false,
    }
}

/// What a command prints with `--json`.
async fn printed(node: &TestNode, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command
        .args(arguments)
        .args(["--json", "--address", &format!("http://{}", node.address)]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What was complained about: one bad document stops the stream or is skipped silently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_document_neither_stops_the_stream_nor_is_skipped_silently() {
    let (east, west) = pair().await;
    east.create_things().await;
    east.create("before", "{}").await;
    west.wait_for_body("before", "{}").await;

    apply(&east, vec![item("odd", Bytes::from_static(ODD))], None);
    east.create("behind", r#"{"stock":1}"#).await;
    west.wait_for_body("behind", r#"{"stock":1}"#).await;
    for (node, from) in [(&east, "dc-ghost"), (&west, "dc-east")] {
        let listed = printed(node, &["quarantine"]).await;
        let [document] = &listed["quarantine"].as_array().unwrap()[..] else {
            panic!("{listed}")
        };
        assert_eq!(
            (&document["database"], &document["id"]),
            (&json!("things"), &json!("odd"))
        );
        assert_eq!(
            (&document["from"], &document["bytes"]),
            (&json!(from), &json!(ODD.len()))
        );
        assert!(
            document["reason"].as_str().unwrap().contains("cannot be read"),
            "{document}"
        );
        assert!(document["since"].as_str().unwrap().ends_with('Z'), "{document}");
        let status = node.client.status().await.unwrap();
        assert_eq!(status.databases[0].quarantined, 1);
        assert!(
            status
                .warnings
                .iter()
                .any(|warning| warning.contains("rejoin quarantine")),
            "{status:?}"
        );
        assert!(node.get("odd").await.is_none());
        assert_eq!(
            printed(node, &["quarantine", "things", "--retry"]).await,
            json!({"released": 0, "left": 1})
        );
    }
    east.wait_for_link("dc-west", LinkState::Connected).await;
    west.wait_for_link("dc-east", LinkState::Connected).await;
    // A stream that begins anew meets it again, and is not stopped either.
    west.client.cut_link("dc-east").await.unwrap();
    east.update("behind", r#"{"stock":2}"#).await;
    west.client.restore_link("dc-east").await.unwrap();
    west.wait_for_body("behind", r#"{"stock":2}"#).await;
    assert_eq!(west.client.quarantine(None, 0, None).await.unwrap().items.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_applied_by_now_is_no_longer_set_aside_once_it_is_tried_again() {
    let mut node = crate::common::node().await;
    // It would try again by itself.
    node.stop().await;
    node.settings.databases.clean_every_ms = 3_600_000;
    node.try_start().await.unwrap();
    let empty = json!({"quarantine": []});
    assert_eq!(printed(&node, &["quarantine"]).await, empty);
    // Of a state that is too large to travel only the head comes, until all of it does.
    let whole = ghost("late")
        .states(&things(), &["late".parse().unwrap()])
        .unwrap()
        .remove(0);
    let head = Document::head_bytes(&whole.state).unwrap();
    assert!(head < whole.state.len());
    apply(&node, vec![item("late", whole.state.slice(..head))], None);
    for number in 0..3 {
        apply(
            &node,
            vec![item(&format!("odd{number}"), Bytes::from_static(ODD))],
            None,
        );
    }
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = node.client.quarantine(None, 2, after).await.unwrap();
        pages.extend(page.items.into_iter().map(|document| document.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, ["late", "odd0", "odd1", "odd2"]);
    apply(&node, vec![whole], None);
    assert_eq!(node.body("late").await.as_deref(), Some(r#"{"from":"nowhere"}"#));
    assert_eq!(
        printed(&node, &["quarantine", "--retry"]).await,
        json!({"released": 1, "left": 3})
    );
    let left = printed(&node, &["quarantine", "--limit", "1"]).await;
    assert_eq!(left["quarantine"][0]["id"], "odd0", "{left}");
    eventually("the status agrees", async || {
        node.client.status().await.unwrap().databases[0].quarantined == 3
    })
    .await;
    for refused in [
        reason(node.client.quarantine(Some("nothing"), 0, None).await),
        reason(node.client.retry_quarantine(Some("nothing")).await),
    ] {
        assert_eq!(refused, Reason::DatabaseNotFound);
    }
    let token = node.client.quarantine(None, 0, Some("nonsense".to_owned())).await;
    assert_eq!(reason(token), Reason::InvalidPageToken);
}
