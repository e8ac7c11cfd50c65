//! Requests that are sent more than once: to one node, across its restart, and to two datacenters that do not reach each other.

use rejoin_client::{Client, ClientOptions, Conditions, Edit, Patch, WriteOptions};

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
        (again.revision, again.dot, again.checksum),
        (first.revision, first.dot, first.checksum)
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
