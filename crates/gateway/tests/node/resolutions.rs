//! Resolutions of many documents at once.

use rejoin_api::Reason;
use rejoin_client::{ConflictFilter, Policy};

use crate::common::{eventually, node, pair, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolution_of_all_names_those_it_could_not_settle_and_settles_the_others() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    let ids: Vec<String> = (0..60).map(|number| format!("d{number:02}")).collect();
    eventually("west has the database", async || {
        west.client.databases().await.is_ok_and(|found| !found.is_empty())
    })
    .await;
    west.client.cut_link("dc-east").await.unwrap();
    for id in &ids {
        east.create(id, r#"{"n":1}"#).await;
        west.create(id, r#"{"n":2}"#).await;
    }
    west.client.restore_link("dc-east").await.unwrap();
    let all = ConflictFilter::default();
    let open = async || {
        let page = east.client.conflicts("things", &all, 1000, None).await.unwrap();
        page.items.len()
    };
    eventually("all conflicts are listed", async || open().await == ids.len()).await;
    east.stop().await;
    east.settings.commit.waiting_max = 1;
    east.try_start().await.unwrap();
    let open = async || {
        let page = east.client.conflicts("things", &all, 1000, None).await.unwrap();
        page.items.len()
    };
    let mut settled = 0;
    let mut refused = 0;
    while open().await > 0 {
        let page = east
            .client
            .resolve_all("things", &all, &Policy::Newest, 1000, None)
            .await
            .unwrap();
        settled += page.settled as usize;
        refused += page.failures.len();
        assert!(
            page.failures.iter().all(|failure| failure.reason == "OVERLOADED"),
            "{page:?}"
        );
        assert_eq!(open().await, ids.len() - settled);
    }
    assert!(refused > 0, "a queue of one took all of them");
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_by_time_takes_every_time_that_a_write_can_have_and_refuses_all_others() {
    let mut node = node().await;
    let since = |since_unix_ms| ConflictFilter {
        since_unix_ms,
        ..ConflictFilter::default()
    };
    let end = i64::from(u32::MAX) * 1000 + 999;
    for fine in [0, end] {
        node.client.conflicts("things", &since(fine), 10, None).await.unwrap();
    }
    for wrong in [-1, end + 1, i64::MAX] {
        let refused = node.client.conflicts("things", &since(wrong), 10, None).await;
        assert_eq!(reason(refused), Reason::InvalidFilter, "{wrong}");
    }
    node.stop().await;
}
