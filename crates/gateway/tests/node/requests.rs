//! Requests that are sent more than once: to one node, across its restart, and to two datacenters that do not reach each other.

use rejoin_api::Reason;
use rejoin_client::{Batch, Client, ClientOptions, Conditions, Edit, Patch, WriteOptions};

use crate::common::{TestNode, free_address, pair, text};

async fn stock(client: &Client) -> String {
    String::from_utf8(client.get("things", "a").await.unwrap().body.to_vec()).unwrap()
}

fn client(node: &TestNode) -> Client {
    Client::with_options(&format!("http://{}", node.address), ClientOptions::default()).unwrap()
}

fn named(client: &Client, name: &str) -> Client {
    client.writing(WriteOptions {
        request_id: Some(name.to_owned()),
        ..WriteOptions::default()
    })
}

async fn increment(client: &Client) -> rejoin_client::Written {
    let edit = Edit::Increment {
        path: "/stock".to_owned(),
        by: 2,
    };
    let patch = Patch::Edits(vec![edit]);
    client
        .patch("things", "a", patch, &Conditions::default(), false)
        .await
        .unwrap()
        .written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_gives_the_first_answer_and_is_done_once() {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    let plain = client(&node);
    plain.create("things", "a", text(r#"{"stock":5}"#)).await.unwrap();
    let named = named(&plain, "r1");
    let first = increment(&named).await;
    increment(&plain).await;
    let again = increment(&named).await;
    assert!(again.repeated && !first.repeated);
    assert_eq!(
        (&again.revision, again.dot, again.checksum),
        (&first.revision, first.dot, first.checksum)
    );
    node.stop().await;
    node.try_start().await.unwrap();
    let after_the_restart = increment(&named).await;
    assert!(after_the_restart.repeated);
    assert_eq!(
        (after_the_restart.revision, after_the_restart.dot),
        (again.revision, again.dot)
    );
    assert_eq!(stock(&plain).await, r#"{"stock":9}"#);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_increment_that_goes_to_two_datacenters_apart_counts_once() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    let (a, b) = (client(&east), client(&west));
    a.create("things", "a", text(r#"{"stock":5}"#)).await.unwrap();
    west.wait_for_body("a", r#"{"stock":5}"#).await;
    a.cut_link("dc-west").await.unwrap();
    increment(&named(&a, "r1")).await;
    increment(&named(&b, "r1")).await;
    increment(&named(&b, "r2")).await;
    a.restore_link("dc-west").await.unwrap();
    for node in [&east, &west] {
        node.wait_for_body("a", r#"{"stock":9}"#).await;
    }
    let again = increment(&named(&a, "r2")).await;
    assert!(again.repeated, "the request has travelled with the document");
    assert_eq!(stock(&a).await, r#"{"stock":9}"#);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_sent_again_to_the_other_datacenter_is_done_once() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("a", r#"{"stock":5}"#).await;
    let batch = || {
        let edit = Edit::Increment {
            path: "/stock".to_owned(),
            by: 2,
        };
        let patch = Patch::Edits(vec![edit]);
        Batch::new()
            .request_id("order-7")
            .patch("a", patch, &Conditions::default(), false)
            .create("receipt", text(r#"{"of":"a"}"#))
    };
    let first = client(&east).write_batch("things", batch()).await.unwrap();
    west.wait_for_body("receipt", r#"{"of":"a"}"#).await;
    let again = client(&west).write_batch("things", batch()).await.unwrap();
    for (first, again) in first.iter().zip(&again) {
        assert!(again.written.repeated);
        assert_eq!(
            (&again.written.revision, again.written.dot),
            (&first.written.revision, first.written.dot)
        );
    }
    assert_eq!(stock(&client(&west)).await, r#"{"stock":7}"#);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_with_a_swap_that_does_not_match_is_refused_and_says_which_it_is() {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    node.create("a", "{}").await;
    let batch = Batch::new()
        .create("b", text("{}"))
        .compare_and_swap("a", text(r#"{"n":1}"#), text(r#"{"n":2}"#));
    let refused = node.client.write_batch("things", batch).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::BatchRefused));
    let metadata = &refused.refusal().unwrap().metadata;
    assert_eq!(
        (metadata["operation"].as_str(), metadata["reason"].as_str()),
        ("1", "UNMATCHED")
    );
    assert_eq!(node.get("b").await, None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_without_bytes_is_refused_instead_of_counting_twice() {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    node.create("a", r#"{"stock":5}"#).await;
    let named = named(&client(&node), "");
    for _ in 0..2 {
        let edit = Edit::Increment {
            path: "/stock".to_owned(),
            by: 2,
        };
        let refused = named
            .patch("things", "a", Patch::Edits(vec![edit]), &Conditions::default(), false)
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::InvalidRequestId));
    }
    assert_eq!(stock(&named).await, r#"{"stock":5}"#);
    node.stop().await;
}
