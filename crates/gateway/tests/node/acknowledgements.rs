//! Writes that wait until other datacenters have them.

use std::time::{Duration, Instant};

use rejoin_api::Reason;
use rejoin_client::{Acknowledge, Client, LinkState, WriteOptions, Written};

use crate::common::{DEADLINE, TestNode, eventually, free_address, pair, reason, start, text};

fn acknowledged(client: &Client, datacenters: Option<u32>, timeout: Duration) -> Client {
    client.writing(WriteOptions {
        acknowledge: Some(Acknowledge {
            datacenters,
            timeout: Some(timeout),
        }),
        ..WriteOptions::default()
    })
}

async fn put(client: &Client, id: &str) -> Written {
    client.update("things", id, text("{}"), None).await.unwrap()
}

async fn ready() -> (TestNode, TestNode) {
    let (east, west) = pair().await;
    east.create_things().await;
    east.create("first", "{}").await;
    west.wait_for_body("first", "{}").await;
    (east, west)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_answered_once_all_datacenters_have_it_and_by_then_they_do() {
    let (mut east, mut west) = ready().await;
    for (n, wanted) in [None, Some(2), None].into_iter().enumerate() {
        let id = format!("a{n}");
        let written = put(&acknowledged(&east.client, wanted, DEADLINE), &id).await;
        assert_eq!(written.durable_in, ["dc-east", "dc-west"]);
        assert_eq!(written.pending_in, [""; 0]);
        assert_eq!(west.body(&id).await.as_deref(), Some("{}"));
    }
    let alone = put(&acknowledged(&east.client, Some(1), DEADLINE), "b").await;
    assert_eq!(alone.durable_in[0], "dc-east");
    let plain = put(&east.client, "c").await;
    assert_eq!(
        (plain.durable_in, plain.pending_in),
        (vec!["dc-east".to_owned()], Vec::new())
    );
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_cut_link_the_answer_says_where_the_write_is_not_yet_and_it_goes_there_later() {
    let (mut east, mut west) = ready().await;
    east.client.cut_link("dc-west").await.unwrap();
    let start = Instant::now();
    let timeout = Duration::from_secs(2);
    let impatient = acknowledged(&east.client, None, timeout);
    let (written, meanwhile) = tokio::join!(put(&impatient, "a"), async {
        // Others do not wait for it.
        put(&east.client, "b").await;
        start.elapsed()
    });
    assert!(start.elapsed() >= timeout && meanwhile < timeout, "{meanwhile:?}");
    assert_eq!(written.durable_in, ["dc-east"]);
    assert_eq!(written.pending_in, ["dc-west"]);
    assert_eq!(east.body("a").await.as_deref(), Some("{}"), "it is durable here");
    assert_eq!(west.body("a").await, None);

    let waiting = acknowledged(&east.client, Some(2), DEADLINE);
    let waiting = tokio::spawn(async move { put(&waiting, "c").await });
    east.client.restore_link("dc-west").await.unwrap();
    assert_eq!(waiting.await.unwrap().durable_in, ["dc-east", "dc-west"]);
    assert_eq!(west.body("c").await.as_deref(), Some("{}"));
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_before_a_restart_is_acknowledged_when_its_request_is_repeated() {
    let (mut east, mut west) = ready().await;
    let named = |acknowledge| WriteOptions {
        request_id: Some("once".to_owned()),
        acknowledge,
    };
    put(&east.client.writing(named(None)), "a").await;
    west.wait_for_body("a", "{}").await;
    east.stop().await;
    east.try_start().await.unwrap();
    let all = Acknowledge {
        datacenters: None,
        timeout: Some(DEADLINE),
    };
    let again = put(&east.client.writing(named(Some(all))), "a").await;
    assert_eq!(
        again.durable_in,
        ["dc-east", "dc-west"],
        "the peer said so when it greeted"
    );
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_only_pulls_acknowledges_what_it_has_pulled() {
    // East cannot reach west, so it learns nothing from west's own log.
    let nobody = free_address();
    let mut east = TestNode::start("dc-east", free_address(), &[("dc-west", nobody)]).await;
    let mut west = TestNode::start("dc-west", free_address(), &[("dc-east", east.address)]).await;
    east.create_things().await;
    for id in ["a", "b"] {
        let written = put(&acknowledged(&east.client, None, DEADLINE), id).await;
        assert_eq!(written.durable_in, ["dc-east", "dc-west"]);
        assert_eq!(west.body(id).await.as_deref(), Some("{}"));
    }
    west.stop().await;
    let written = put(&acknowledged(&east.client, None, Duration::from_millis(100)), "c").await;
    assert_eq!(written.pending_in, ["dc-west"]);
    east.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_that_cannot_be_had_is_refused_before_anything_is_written() {
    let (mut east, mut west) = ready().await;
    for wanted in [0, 3, 64] {
        let asking = acknowledged(&east.client, Some(wanted), Duration::from_secs(1));
        let error = asking.update("things", "a", text("{}"), None).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::InvalidAcknowledge), "{error}");
        assert!(error.to_string().contains("or for all"), "{error}");
        let swap = asking.compare_and_swap("things", "first", text("{}"), text("{\"v\":1}"));
        assert_eq!(reason(swap.await), Reason::InvalidAcknowledge);
    }
    assert_eq!(east.body("a").await, None);
    assert_eq!(east.body("first").await.as_deref(), Some("{}"));
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datacenter_without_a_link_of_its_own_counts_by_what_others_relay() {
    // A chain: north – middle – south.
    let mut nodes = start(
        &["dc-north", "dc-middle", "dc-south"],
        &[(0, 1), (1, 0), (1, 2), (2, 1)],
    )
    .await;
    nodes[0].create_things().await;
    nodes[0].create("first", "{}").await;
    nodes[2].wait_for_body("first", "{}").await;
    nodes[0].wait_for_link("dc-middle", LinkState::Connected).await;
    eventually("the north knows all members", async || {
        let all = acknowledged(&nodes[0].client, Some(3), Duration::from_millis(10));
        all.update("things", "probe", text("{}"), None).await.is_ok()
    })
    .await;
    let written = put(&acknowledged(&nodes[0].client, None, DEADLINE), "a").await;
    assert_eq!(written.durable_in, ["dc-north", "dc-middle", "dc-south"]);
    assert_eq!(nodes[2].body("a").await.as_deref(), Some("{}"));
    for node in &mut nodes {
        node.stop().await;
    }
}
