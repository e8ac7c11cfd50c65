//! Feeds of changes.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::node::{Node, eventually, pause};

#[test]
fn a_waiting_feed_ends_when_something_changes_and_not_before() {
    let node = Node::start();
    node.put("/db", "");
    node.put("/db/a", "{}");
    let last = node.get("/db/_changes").json()["last_seq"].as_str().unwrap().to_owned();
    thread::scope(|scope| {
        let begun = Instant::now();
        let waiting = scope.spawn(|| node.get(&format!("/db/_changes?feed=longpoll&since={last}")));
        pause(300);
        assert!(!waiting.is_finished(), "nothing has changed");
        node.put("/db/b", "{}");
        let changes = waiting.join().unwrap().json();
        assert_eq!(changes["results"][0]["id"], "b");
        assert!(begun.elapsed() >= Duration::from_millis(300));
    });
    let begun = Instant::now();
    let none = node.get("/db/_changes?feed=longpoll&since=now&timeout=200").json();
    assert_eq!(none["results"], json!([]));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let beats = thread::scope(|scope| {
        let waiting = scope.spawn(|| node.get("/db/_changes?feed=longpoll&since=now&heartbeat=100"));
        pause(600);
        node.put("/db/c", "{}");
        waiting.join().unwrap()
    });
    assert!(
        beats.body.contains("\n\n\n"),
        "line feeds say that the node is there: {beats:?}"
    );
    assert_eq!(beats.json()["results"][0]["id"], "c");
}

#[test]
fn a_feed_lists_each_document_once_with_the_open_revisions_that_are_asked_for() {
    let node = Node::start();
    node.put("/db", "");
    let docs = json!({"new_edits": false, "docs": [
        {"_id": "a", "_rev": "1-aa"}, {"_id": "a", "_rev": "1-bb"}, {"_id": "a", "_rev": "1-cc", "_deleted": true},
        {"_id": "gone", "_rev": "1-aa", "_deleted": true},
    ]});
    node.post("/db/_bulk_docs", &docs.to_string());
    let rows = |query: &str| node.get(&format!("/db/_changes{query}")).json()["results"].clone();
    let revs = |row: &serde_json::Value| -> Vec<String> {
        let changes = row["changes"].as_array().unwrap();
        changes
            .iter()
            .map(|change| change["rev"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = rows("?style=all_docs");
    assert_eq!(
        (revs(&all[0]), &all[1]["deleted"]),
        (vec!["1-bb".into(), "1-aa".into(), "1-cc".into()], &json!(true))
    );
    assert_eq!(revs(&rows("")[0]), ["1-bb"]);
    let active = rows("?style=all_docs&active_only=true&include_docs=true");
    assert_eq!(active.as_array().unwrap().len(), 1);
    assert_eq!(revs(&active[0]), ["1-bb", "1-aa"]);
    assert_eq!(active[0]["doc"], json!({"_id": "a", "_rev": "1-bb"}));
    assert_eq!(rows("?limit=1").as_array().unwrap().len(), 1);
    assert_eq!(node.get("/db/_changes?since=soon").status, 400);
    assert_eq!(node.get("/db/_changes?feed=eventsource").status, 400);
    // A sequence of another node's log means nothing here: all comes again, nothing is missed.
    assert_eq!(rows("?since=9-0123456789abcdef").as_array().unwrap().len(), 2);
}

#[test]
fn feeds_that_wait_have_a_bound_and_those_that_end_do_not_count() {
    let node = Node::configured("[http]\nfeeds_max = 1\n[grpc]\nwatches_max = 1\n");
    node.put("/db", "");
    let mut waiting = node.ask_and_wait("GET", "/db/_changes?feed=longpoll&since=now&heartbeat=1000", "");
    waiting.read_exact(&mut [0; 1]).unwrap();
    let waits = || node.get("/db/_changes?feed=longpoll&timeout=1&since=now");
    assert_eq!(waits().refused(), (503, "overloaded".into()));
    assert_eq!(node.get("/db/_changes").status, 200, "it ends by itself");
    let watched = node.rejoin(&["changes", "db"]);
    assert!(watched.status.success(), "gRPC counts its own: {watched:?}");
    drop(waiting);
    eventually("there is room again", || waits().status == 200);
}
