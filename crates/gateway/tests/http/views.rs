//! Views follow their documents, and what a map function does wrong is told.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{Node, eventually, pause};

/// A node with a database and a design of one view.
fn with_view(granularity: &str, map: &str) -> Node {
    let node = Node::start();
    node.put(&format!("/db?granularity={granularity}"), "");
    let design = json!({"views": {"v": {"map": map}}});
    assert_eq!(node.put("/db/_design/d", &design.to_string()).status, 201);
    node
}

fn keys(answer: &Value) -> Vec<Value> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| row["key"].clone()).collect()
}

#[test]
fn a_view_follows_writes_deletions_and_its_own_design() {
    let node = Node::start();
    node.put("/db", "");
    let design = |map: &str, rev: Option<&str>| {
        let mut design = json!({"views": {"v": {"map": map, "reduce": "_sum"}}});
        if let Some(rev) = rev {
            design["_rev"] = json!(rev);
        }
        node.put("/db/_design/d", &design.to_string()).json()["rev"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = design("function (doc) { emit(doc.kind, doc.n) }", None);
    for (id, kind, n) in [("a", "x", 1), ("b", "y", 2), ("c", "x", 4)] {
        node.put(&format!("/db/{id}"), &json!({"kind": kind, "n": n}).to_string());
    }
    let view = |query: &str| node.get(&format!("/db/_design/d/_view/v{query}")).json();
    assert_eq!(view("")["rows"], json!([{"key": null, "value": 7}]));
    assert_eq!(
        view("?group=true")["rows"],
        json!([{"key": "x", "value": 5}, {"key": "y", "value": 2}])
    );
    assert_eq!(view("?reduce=false&key=%22x%22&descending=true")["rows"][0]["id"], "c");
    let rev = node.get("/db/a").json()["_rev"].as_str().unwrap().to_owned();
    node.delete(&format!("/db/a?rev={rev}"));
    assert_eq!(
        view("?update=false")["rows"],
        json!([{"key": null, "value": 7}]),
        "as it was"
    );
    assert_eq!(view("")["rows"], json!([{"key": null, "value": 6}]));
    design("function (doc) { emit(doc.n, 1) }", Some(&first));
    assert_eq!(
        view("?group=true")["rows"],
        json!([{"key": 2, "value": 1}, {"key": 4, "value": 1}])
    );
    assert_eq!(
        node.get("/db/_design/d/_view/v?limit=x").refused(),
        (400, "query_parse_error".into())
    );
    assert_eq!(
        node.get("/db/_design/d/_view/none").refused(),
        (404, "not_found".into())
    );
    assert_eq!(
        node.get("/db/_design/none/_view/v").refused(),
        (404, "not_found".into())
    );
}

#[test]
fn a_function_that_does_not_compile_is_refused_and_one_that_runs_for_ever_harms_only_its_rows() {
    let node = Node::start();
    node.put("/db", "");
    node.put("/db/a", "{}");
    let temporary = |map: &str| node.post("/db/_temp_view", &json!({"map": map}).to_string());
    assert_eq!(
        temporary("function (doc) {").refused(),
        (400, "compilation_error".into())
    );
    assert_eq!(
        temporary("function (doc) { while (true) {} }").json()["rows"],
        json!([])
    );
    assert_eq!(temporary("function (doc) { emit(Math.random, new Date) }").status, 200);
    assert_eq!(
        temporary("function (doc) { emit(doc._id, null) }").json()["rows"][0]["key"],
        "a"
    );
    assert_eq!(
        node.post("/db/_temp_view", "{}").refused(),
        (400, "invalid_design_doc".into())
    );
}

#[test]
fn an_index_that_is_to_follow_later_follows_also_when_whoever_asked_is_gone() {
    let node = with_view("document", "function (doc) { emit(doc._id) }");
    let view = |query: &str| keys(&node.get(&format!("/db/_design/d/_view/v?{query}")).json());
    node.put("/db/a", "{}");
    assert_eq!(view("stale=update_after"), [json!(null); 0], "first comes the answer");
    eventually("then the update", || view("update=false") == ["a"]);
    node.put("/db/b", "{}");
    drop(node.ask_and_wait("GET", "/db/_design/d/_view/v?update=lazy", ""));
    eventually("nobody waits for it", || view("update=false") == ["a", "b"]);
}

#[test]
fn rows_come_with_their_documents_and_what_competes_with_them() {
    let node = with_view("document", "function (doc) { emit(doc.n, 1) }");
    let brought = json!({"new_edits": false, "docs": [
        {"_id": "a", "_rev": "1-aa", "n": 1}, {"_id": "a", "_rev": "1-bb", "n": 2},
    ]});
    node.post("/db/_bulk_docs", &brought.to_string());
    let row = |query: &str| node.get(&format!("/db/_design/d/_view/v?{query}")).json()["rows"][0].clone();
    assert_eq!(row(""), json!({"id": "a", "key": 2, "value": 1}));
    assert_eq!(
        row("include_docs=true")["doc"],
        json!({"_id": "a", "_rev": "1-bb", "n": 2})
    );
    assert_eq!(
        row("include_docs=true&conflicts=true")["doc"],
        json!({"_id": "a", "_rev": "1-bb", "n": 2, "_conflicts": ["1-aa"]})
    );
    let rev = node.get("/db/a").json()["_rev"].as_str().unwrap().to_owned();
    for rev in [rev.as_str(), "1-aa"] {
        assert_eq!(node.delete(&format!("/db/a?rev={rev}")).status, 200);
    }
    assert_eq!(
        row("include_docs=true&update=false")["doc"],
        Value::Null,
        "it has gone since"
    );
}

#[test]
fn a_body_asks_a_view_as_an_address_does() {
    let node = with_view("document", "function (doc) { emit(doc._id) }");
    for id in ["a", "b", "c"] {
        node.put(&format!("/db/{id}"), "{}");
    }
    let ask = |query: &str, body: Value| {
        keys(
            &node
                .post(&format!("/db/_design/d/_view/v{query}"), &body.to_string())
                .json(),
        )
    };
    assert_eq!(ask("", json!({"keys": ["c", "a"]})), ["c", "a"]);
    assert_eq!(ask("?limit=2", json!({"startkey": "b", "limit": 1})), ["b"]);
    assert_eq!(ask("", json!({"descending": true, "skip": 1})), ["b", "a"]);
}

#[test]
fn clients_that_take_their_rows_slowly_keep_nobody_out() {
    let node = with_view("document", "function (doc) { emit(doc._id, doc.text) }");
    let documents: Vec<_> = (0..30)
        .map(|n| json!({"_id": n.to_string(), "text": "x".repeat(500_000)}))
        .collect();
    assert_eq!(
        node.post("/db/_bulk_docs", &json!({"docs": documents}).to_string())
            .status,
        201
    );
    let idle = (0..8).map(|_| {
        let mut client = node.ask_and_wait("GET", "/db/_design/d/_view/v", "");
        client.read_exact(&mut [0; 1]).unwrap();
        client
    });
    let idle: Vec<_> = idle.collect();
    for _ in 0..8 {
        assert_eq!(node.get("/db/_design/d/_view/v?limit=1").status, 200);
    }
    drop(idle);
}

#[test]
fn functions_are_not_compiled_beyond_the_number_that_may_run() {
    let node = Node::start();
    node.put("/db", "");
    let documents = json!({"docs": vec![json!({}); 8]}).to_string();
    assert_eq!(node.post("/db/_bulk_docs", &documents).status, 201);
    let temporary = |map: &str| node.post("/db/_temp_view", &json!({"map": map}).to_string());
    let seen = AtomicBool::new(false);
    thread::scope(|scope| {
        let keep_busy = || {
            while !seen.load(Ordering::Relaxed) {
                temporary("function (doc) { while (true) {} }");
            }
        };
        for _ in 0..6 {
            scope.spawn(keep_busy);
        }
        let is_refused = || temporary("function (doc) {").refused() == (503, "overloaded".into());
        let until = Instant::now() + Duration::from_secs(30);
        let mut refused = false;
        while !refused && Instant::now() < until {
            refused = is_refused();
        }
        seen.store(true, Ordering::Relaxed);
        assert!(refused, "it is compiled beside the four that run");
    });
    eventually("they have ended", || temporary("function (doc) {").status == 400);
}

#[test]
fn a_view_shows_documents_by_the_rules_of_its_database() {
    let node = with_view("field", "function (doc) { emit(doc.n) }");
    let base = node.put("/db/a", r#"{"n":5}"#).json()["rev"]
        .as_str()
        .unwrap()
        .to_owned();
    for n in [9, 7] {
        let body = json!({ "n": n }).to_string();
        node.rejoin_json(&[
            "update",
            "db",
            "a",
            &body,
            "--rev",
            &base,
            "--on-conflict",
            "keep-branch",
        ]);
    }
    let shown = || {
        let shown = node.get("/db/a").json()["n"].clone();
        assert_eq!(
            keys(&node.get("/db/_design/d/_view/v").json()),
            std::slice::from_ref(&shown)
        );
        shown
    };
    assert_eq!(shown(), 7, "the newest");
    node.rejoin_json(&["database", "update", "db", "--rule", "/n=max"]);
    assert_eq!(shown(), 9);
    node.rejoin_json(&["database", "update", "db", "--rule", "/n=min"]);
    assert_eq!(shown(), 7);
}

#[test]
fn a_design_that_changes_all_the_while_fails_nobody() {
    let node = with_view("document", "function (doc) { emit(0) }");
    node.put("/db/a", "{}");
    thread::scope(|scope| {
        let asking: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    (0..60)
                        .map(|_| node.get("/db/_design/d/_view/v").status)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for n in 0..30 {
            let rev = node.get("/db/_design/d").json()["_rev"].clone();
            let design = json!({"_rev": rev, "views": {"v": {"map": format!("function (doc) {{ emit({n}) }}")}}});
            assert_eq!(node.put("/db/_design/d", &design.to_string()).status, 201);
            pause(10);
        }
        for asked in asking {
            let statuses = asked.join().unwrap();
            assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        }
    });
}
