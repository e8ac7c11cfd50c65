//! How far each side of a link is behind, while it is cut, while it catches up, and after.

use std::time::Duration;

use rejoin_client::{Link, LinkState};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::common::{DEADLINE, TestNode, eventually, pair, text};

/// Documents that are written during the split.
const WRITTEN: u64 = 300;

async fn link(node: &TestNode) -> Link {
    node.client.status().await.unwrap().links.remove(0)
}

async fn is_equal(node: &TestNode) -> bool {
    let link = link(node).await;
    let peer = link.peer_lag.unwrap_or_default();
    let documents = (link.lag.documents, peer.documents);
    documents == (Some(0), Some(0)) && (link.lag.behind, peer.behind) == (Some(Duration::ZERO), Some(Duration::ZERO))
}

async fn write_many(node: &TestNode) {
    let mut writes = JoinSet::new();
    for number in 0..WRITTEN {
        let client = node.client.clone();
        writes.spawn(async move {
            let (id, body) = (format!("d{number}"), text(r#"{"stock":1}"#));
            client.create("things", &id, body).await.unwrap();
        });
    }
    writes.join_all().await;
    // Documents are counted, not writes.
    for stock in 2..12 {
        node.update("d0", &format!(r#"{{"stock":{stock}}}"#)).await;
    }
}

/// What was complained about: nobody can see how far a datacenter is behind after a split.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_far_a_datacenter_is_behind_after_a_split_can_be_seen_on_both_sides() {
    let (mut east, west) = pair().await;
    // One document at a time, so that catching up can be watched.
    east.stop().await;
    (east.settings.links.batch_bytes, east.settings.links.window_bytes) = (1, 1);
    east.try_start().await.unwrap();
    east.create_things().await;
    east.create("before", "{}").await;
    west.wait_for_body("before", "{}").await;
    for node in [&east, &west] {
        eventually("nobody is behind", async || is_equal(node).await).await;
    }
    eventually("the peer has told its time", async || {
        link(&east).await.clock_ahead_ms.is_some()
    })
    .await;

    let cut = Instant::now();
    west.client.cut_link("dc-east").await.unwrap();
    write_many(&east).await;
    let (ours, theirs) = (link(&east).await, link(&west).await);
    let split = cut.elapsed();
    let peer = ours.peer_lag.unwrap();
    assert_eq!((peer.documents, peer.more), (Some(WRITTEN), false), "{ours:?}");
    // Whether a peer has all is looked at every two seconds.
    let (behind, earlier) = (peer.behind.unwrap(), Duration::from_millis(3_500));
    assert!(behind <= split + earlier, "{behind:?} of {split:?}");
    assert_eq!(
        theirs.lag.documents, None,
        "what cannot be asked is not claimed: {theirs:?}"
    );
    let behind = theirs.lag.behind.unwrap();
    assert!(behind + Duration::from_secs(1) >= split, "{behind:?} of {split:?}");

    west.client.restore_link("dc-east").await.unwrap();
    let mut seen = Vec::new();
    let end = Instant::now() + DEADLINE;
    while !is_equal(&west).await {
        seen.push(link(&west).await);
        assert!(Instant::now() < end, "not in time: {:?}", seen.last());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let catching_up = seen.iter().filter(|link| link.state == LinkState::CatchingUp);
    let left: Vec<u64> = catching_up.clone().filter_map(|link| link.lag.documents).collect();
    assert!(
        left.iter().any(|documents| (1..WRITTEN).contains(documents)),
        "{left:?}"
    );
    assert!(left.iter().all(|documents| *documents <= WRITTEN), "{left:?}");
    assert!(left.first() > left.last(), "it becomes less: {left:?}");
    let estimates: Vec<Duration> = catching_up.filter_map(|link| link.caught_up_in).collect();
    assert!(!estimates.is_empty(), "an end is in sight");
    assert!(estimates.iter().all(|rest| *rest < DEADLINE), "{estimates:?}");
    eventually("the other side sees it too", async || is_equal(&east).await).await;
    west.wait_for_body("d0", r#"{"stock":11}"#).await;
}
