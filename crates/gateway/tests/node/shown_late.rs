//! A write that the disk has already is read before the node says that it knows it: its session is not held up, nor refused, for that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rejoin_api::Reason;

use crate::bad_disk::BadDisk;
use crate::common::{client, database, eventually, reason, text};
use crate::sessions::{patient, v};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_session_reads_while_it_is_being_committed_it_can_read_again() {
    let disk = Arc::new(BadDisk::default());
    let node = disk.start(true).await;
    let writer = client(node.address());
    writer.create_database(&database("things", &[])).await.unwrap();
    writer.create("things", "a", text(r#"{"v":0}"#)).await.unwrap();

    disk.hold(true);
    let writing = tokio::spawn(async move { writer.update("things", "a", text(r#"{"v":1}"#), None).await });
    let reader = client(node.address());
    eventually("the write can be read", async || v(&reader, "a").await.ok() == Some(1)).await;
    let behind = patient(&reader, 50).get("things", "a").await;
    assert_eq!(reason(behind), Reason::SessionBehind, "it is not committed yet");
    let again = patient(&reader, 60_000);
    let (begun, reading) = (Instant::now(), tokio::spawn(async move { v(&again, "a").await }));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!reading.is_finished());
    disk.hold(false);
    assert_eq!(reading.await.unwrap().unwrap(), 1);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    writing.await.unwrap().unwrap();
    node.shutdown().await.unwrap();
}
