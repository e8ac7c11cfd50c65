//! When a watch is refused, and when it ends by itself.

use std::time::Duration;

use rejoin_api::Reason;
use rejoin_client::{Watch, WatchEvent};

use crate::common::{DEADLINE, TestNode, eventually, node, reason};

fn follow() -> Watch {
    Watch {
        follow: true,
        heartbeat: Some(Duration::from_millis(100)),
        ..Watch::default()
    }
}

/// What a watch brings until it ends: the ids of changes, and the reason.
async fn to_its_end(node: &TestNode, watch: &Watch, meanwhile: impl AsyncFn()) -> (Vec<String>, Option<Reason>) {
    let mut stream = node.client.watch("things", watch).await.unwrap();
    let mut ids = Vec::new();
    let reading = async {
        let mut begun = false;
        loop {
            match stream.next_event().await {
                Ok(Some(WatchEvent::Change(change))) => ids.push(change.id),
                Ok(Some(WatchEvent::Heartbeat(_))) if !begun => {
                    begun = true;
                    meanwhile().await;
                }
                Ok(Some(WatchEvent::Heartbeat(_))) => {}
                Ok(None) => return None,
                Err(error) => return error.reason(),
            }
        }
    };
    let end = tokio::time::timeout(DEADLINE, reading).await.expect("the watch ends");
    (ids, end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_of_a_database_that_is_deleted_ends_and_another_one_is_refused() {
    let mut node = node().await;
    node.create("a", "{}").await;
    // Nothing but the deletion itself may end it.
    let silent = Watch {
        heartbeat: Some(Duration::from_secs(600)),
        ..follow()
    };
    let mut stream = node.client.watch("things", &silent).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().id, "a");
    let deleting = async || {
        node.client.delete_database("things").await.unwrap();
    };
    let (ids, end) = to_its_end(&node, &follow(), deleting).await;
    assert_eq!((ids, end), (vec!["a".to_owned()], Some(Reason::DatabaseNotFound)));
    let end = tokio::time::timeout(DEADLINE, stream.next()).await.expect("it ends");
    assert_eq!(reason(end), Reason::DatabaseNotFound);
    for watch in [Watch::default(), follow()] {
        assert_eq!(
            reason(node.client.watch("things", &watch).await),
            Reason::DatabaseNotFound
        );
    }
    node.create_things().await;
    node.create("b", "{}").await;
    let mut anew = node.client.watch("things", &Watch::default()).await.unwrap();
    assert_eq!(anew.next().await.unwrap().unwrap().id, "b");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_are_bounded_in_number_and_one_that_ends_makes_room() {
    let mut node = node().await;
    node.stop().await;
    node.settings.grpc.watches_max = 2;
    node.try_start().await.unwrap();
    let open = async || node.client.watch("things", &follow()).await;
    let (first, _second) = (open().await.unwrap(), open().await.unwrap());
    let client = node.client.clone();
    let error = client.watch("things", &Watch::default()).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::Overloaded));
    assert!(error.to_string().contains("as many watches as it may"), "{error}");
    drop(first);
    eventually("there is room again", async || open().await.is_ok()).await;
    node.stop().await;
}
