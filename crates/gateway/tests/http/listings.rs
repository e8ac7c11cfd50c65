//! Documents in the order of their ids: what is counted, and what a body asks for.

use serde_json::{Value, json};

use crate::node::Node;

fn node() -> Node {
    let node = Node::start();
    node.put("/db", "");
    for id in ["a", "b", "c", "d", "e"] {
        node.put(&format!("/db/{id}"), "{}");
    }
    let rev = node.get("/db/b").json()["_rev"].as_str().unwrap().to_owned();
    node.delete(&format!("/db/b?rev={rev}"));
    node
}

fn ids(listed: &Value) -> Vec<&str> {
    let rows = listed["rows"].as_array().unwrap().iter();
    rows.map(|row| row["key"].as_str().unwrap()).collect()
}

#[test]
fn the_offset_counts_what_comes_before_the_first_row() {
    let node = node();
    for (query, offset, expected) in [
        ("", 0, &["a", "c", "d", "e"][..]),
        ("?skip=1&limit=1", 1, &["c"]),
        ("?startkey=%22c%22", 1, &["c", "d", "e"]),
        ("?startkey=%22c%22&skip=1", 2, &["d", "e"]),
        ("?key=%22d%22", 2, &["d"]),
        ("?descending=true&startkey=%22d%22", 1, &["d", "c", "a"]),
        ("?skip=9", 4, &[]),
        ("?startkey=%22x%22", 4, &[]),
    ] {
        let listed = node.get(&format!("/db/_all_docs{query}")).json();
        assert_eq!(listed["offset"], offset, "{query}");
        assert_eq!(ids(&listed), expected, "{query}");
    }
}

#[test]
fn of_named_ids_some_are_skipped_and_the_last_may_come_first() {
    let node = node();
    for (query, expected) in [
        ("", &["e", "none", "b", "a"][..]),
        ("?skip=1&limit=2", &["none", "b"]),
        ("?descending=true", &["a", "b", "none", "e"]),
        ("?descending=true&limit=1", &["a"]),
        ("?skip=9", &[]),
    ] {
        let listed = node
            .post(&format!("/db/_all_docs{query}"), r#"{"keys":["e","none","b","a"]}"#)
            .json();
        assert_eq!(ids(&listed), expected, "{query}");
        assert_eq!(
            (&listed["offset"], &listed["total_rows"]),
            (&Value::Null, &json!(4)),
            "{query}"
        );
    }
    let listed = node.post("/db/_all_docs", r#"{"keys":["none","b"]}"#).json();
    assert_eq!(listed["rows"][0], json!({"key": "none", "error": "not_found"}));
    assert_eq!(listed["rows"][1]["value"]["deleted"], true);
}

#[test]
fn a_body_asks_as_an_address_does_and_counts_more() {
    let node = node();
    let list = |query: &str, body: Value| node.post(&format!("/db/_all_docs{query}"), &body.to_string());
    let body = json!({"startkey": "d", "descending": true, "limit": 2, "include_docs": true});
    let listed = list("?limit=1", body).json();
    assert_eq!(ids(&listed), ["d", "c"]);
    assert_eq!(listed["rows"][0]["doc"]["_id"], "d");
    assert_eq!(
        ids(&list("", json!({"keys": ["a", "c", "d"], "skip": 1, "limit": "1"})).json()),
        ["c"]
    );
    assert_eq!(
        list("", json!({"limit": "x"})).refused(),
        (400, "query_parse_error".into())
    );
    assert_eq!(list("", json!(["a"])).refused(), (400, "bad_request".into()));
    assert_eq!(ids(&node.post("/db/_all_docs", "").json()).len(), 4);
}
