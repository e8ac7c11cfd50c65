//! Histories and compactions of a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rejoin_api::Reason;
use rejoin_client::RestoredPart;

use crate::common::{TestNode, eventually, free_address, pair, reason, text};

const LONG: Duration = Duration::from_secs(120);

async fn node(keep_for_s: u64, clean_every_ms: u64) -> TestNode {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.stop().await;
    node.settings.databases.keep_for_s = keep_for_s;
    node.settings.databases.tombstone_retention_s = keep_for_s;
    node.settings.databases.clean_every_ms = clean_every_ms;
    node.try_start().await.unwrap();
    node.create_things().await;
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_drops_what_need_not_be_kept_while_writes_are_acknowledged() {
    let mut node = node(0, 3_600_000).await;
    let body = |n: usize| text(&format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(2_000)));
    for n in 0..300 {
        node.client
            .update("things", &format!("d{}", n % 3), body(n), None)
            .await
            .unwrap();
    }
    node.client.delete("things", "d0", None).await.unwrap();
    let (client, stop) = (node.client.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let writing = tokio::spawn(async move {
        let mut written = 0;
        while !stopped.load(Ordering::Relaxed) {
            client.update("things", "busy", body(written), None).await.unwrap();
            written += 1;
        }
        written
    });
    // At least one write lies between the first and the last of them.
    let mut dropped = 0;
    let mut last = None;
    for _ in 0..3 {
        let compacted = node.client.compact(None, LONG).await.unwrap();
        dropped += compacted.revisions;
        last = Some(compacted);
    }
    stop.store(true, Ordering::Relaxed);
    let written = writing.await.unwrap();
    assert!(written > 0, "writes waited for the compaction");
    assert!(dropped >= 295, "{dropped}");
    let last = last.unwrap();
    assert!(last.bytes_after > 0);
    let kept = node.client.history("things", "d1", true, 0, None).await.unwrap();
    assert_eq!(kept.items.len(), 1, "the current one alone");
    let newest = node.body("busy").await.unwrap();
    assert!(
        newest.contains(&format!(r#""n":{}"#, written - 1)),
        "the last acknowledged write is there"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_compaction_runs_at_a_time_and_a_second_one_is_told_so() {
    let mut node = node(3600, 3_600_000).await;
    for n in 0..200 {
        node.update(&format!("d{n}"), r#"{"n":1}"#).await;
    }
    let mut refused = 0;
    for _ in 0..20 {
        let calls = (0..8).map(|_| {
            let client = node.client.clone();
            tokio::spawn(async move { client.compact(Some("things"), LONG).await })
        });
        for call in calls.collect::<Vec<_>>() {
            if let Err(error) = call.await.unwrap() {
                assert_eq!(error.reason(), Some(Reason::CompactionRunning), "{error}");
                assert!(error.to_string().contains("wait"), "{error}");
                refused += 1;
            }
        }
        if refused > 0 {
            break;
        }
    }
    assert!(refused > 0, "no two ran at once");
    node.client.compact(None, LONG).await.expect("it is over");
    let error = node.client.compact(Some("nowhere"), LONG).await;
    assert_eq!(reason(error), Reason::DatabaseNotFound);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_revisions_go_in_the_background() {
    let mut node = node(0, 100).await;
    for n in 0..10 {
        node.update("d", &format!(r#"{{"n":{n}}}"#)).await;
    }
    eventually("the old revisions are gone", || async {
        node.client
            .history("things", "d", false, 0, None)
            .await
            .unwrap()
            .items
            .len()
            == 1
    })
    .await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_holds_for_the_history_that_gave_it_out() {
    let mut node = node(3600, 3_600_000).await;
    for id in ["a", "b"] {
        for n in 0..3 {
            node.update(id, &format!(r#"{{"n":{n}}}"#)).await;
        }
    }
    let first = node.client.history("things", "a", false, 1, None).await.unwrap();
    let second = node
        .client
        .history("things", "a", false, 5, first.next.clone())
        .await
        .unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (1, 2, None));
    let of_another = node.client.history("things", "b", false, 1, first.next.clone()).await;
    assert_eq!(reason(of_another), Reason::InvalidPageToken);
    let of_a_list = node.client.list("things", 1, None).await.unwrap().next;
    assert_eq!(
        reason(node.client.history("things", "a", false, 1, of_a_list).await),
        Reason::InvalidPageToken
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_revision_replicates_like_any_write() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    let first = east.client.create("things", "d", text(r#"{"n":1}"#)).await.unwrap();
    west.wait_for_body("d", r#"{"n":1}"#).await;
    east.update("d", r#"{"n":2}"#).await;
    west.wait_for_body("d", r#"{"n":2}"#).await;
    let revision = first.revision.to_string();
    let restored = west
        .client
        .restore("things", "d", &revision, RestoredPart::Whole)
        .await
        .unwrap();
    east.wait_for_body("d", r#"{"n":1}"#).await;
    let kept = west.client.history("things", "d", false, 0, None).await.unwrap();
    assert_eq!(kept.items[0].revision, restored.revision);
    assert_eq!(kept.items[0].datacenter.as_deref(), Some("dc-west"));
    assert_eq!(kept.items[1].datacenter.as_deref(), Some("dc-east"));
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_a_revision_that_is_no_longer_kept_is_refused_and_so_is_one_that_never_was() {
    let mut node = node(0, 3_600_000).await;
    let first = node.client.create("things", "a", text(r#"{"n":1}"#)).await.unwrap();
    node.update("a", r#"{"n":2}"#).await;
    node.update("a", r#"{"n":3}"#).await;
    node.client.compact(None, LONG).await.unwrap();
    let stale = |revision: String| {
        let client = node.client.clone();
        async move { client.update("things", "a", text(r#"{"n":9}"#), Some(&revision)).await }
    };
    assert_eq!(reason(stale(first.revision.to_string()).await), Reason::BaseCompacted);
    let never = format!("1-{}", "0".repeat(32));
    assert_eq!(reason(stale(never).await), Reason::BaseUnknown);
    assert_eq!(node.body("a").await.unwrap(), r#"{"n":3}"#);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_deleted_its_document_is_read_as_deleted_the_current_one_and_a_superseded_one() {
    let mut node = node(3_600, 3_600_000).await;
    node.create("a", r#"{"v":1}"#).await;
    let deleted = node.client.delete("things", "a", None).await.unwrap();
    let tombstone = deleted.revision.to_string();
    let read = async || node.client.get_revision("things", "a", &tombstone).await.unwrap();
    let current = read().await;
    assert!(current.deleted && current.body.is_empty(), "{current:?}");
    node.update("a", r#"{"v":2}"#).await;
    assert_eq!(read().await, current);
    assert_eq!(
        reason(node.client.get_revision("things", "a", "9-0").await),
        Reason::RevisionNotFound
    );
    node.stop().await;
}
