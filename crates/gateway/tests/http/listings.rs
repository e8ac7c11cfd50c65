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

#[test]
fn rows_end_their_lines_as_couchdb_prints_them() {
    let node = Node::start();
    node.put("/db", "");
    let rev = "1-967a00dff5e02add41819138abb3284d";
    let design = r#"{"views":{"ids":{"map":"function(doc) { emit(doc._id, 1); }","reduce":"_sum"}}}"#;
    node.put("/db/_design/d", design);
    let view = |query: &str| node.get(&format!("/db/_design/d/_view/ids{query}")).body;
    assert_eq!(
        view("?reduce=false"),
        "{\"total_rows\":0,\"offset\":0,\"rows\":[\r\n]}\n",
        "as the chapter on conflicts prints no rows"
    );
    for id in ["a", "b"] {
        node.put(&format!("/db/{id}"), "{}");
    }
    assert_eq!(
        view("?reduce=false"),
        "{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n\
         {\"id\":\"a\",\"key\":\"a\",\"value\":1},\r\n\
         {\"id\":\"b\",\"key\":\"b\",\"value\":1}\r\n]}\n"
    );
    assert_eq!(view(""), "{\"rows\":[\r\n{\"key\":null,\"value\":2}\r\n]}\n");
    let row = |id: &str| format!("{{\"id\":\"{id}\",\"key\":\"{id}\",\"value\":{{\"rev\":\"{rev}\"}}}}");
    assert_eq!(
        node.get("/db/_all_docs?startkey=%22a%22").body,
        format!(
            "{{\"total_rows\":3,\"offset\":1,\"rows\":[\r\n{},\r\n{}\r\n]}}\n",
            row("a"),
            row("b")
        )
    );
    assert_eq!(
        node.post("/db/_all_docs", r#"{"keys":["b","none"]}"#).body,
        format!(
            "{{\"total_rows\":3,\"offset\":null,\"rows\":[\r\n{},\r\n{{\"key\":\"none\",\"error\":\"not_found\"}}\r\n]}}\n",
            row("b")
        )
    );
    // Those of a feed end otherwise.
    let feed = node.get("/db/_changes").body;
    let (first, second, last) = (row_of(&feed, 0), row_of(&feed, 1), row_of(&feed, 2));
    let end = &feed[feed.find("\n],\n\"last_seq\":").expect("an end")..];
    assert_eq!(feed, format!("{{\"results\":[\n{first},\n{second},\n{last}{end}"));
    assert!(end.ends_with(",\"pending\":0}\n"), "{end}");
}

/// A row of a feed as it is printed.
fn row_of(feed: &str, place: usize) -> &str {
    let rows = feed.strip_prefix("{\"results\":[\n").expect("a feed");
    let rows = rows.split_once("\n],\n").expect("an end").0;
    rows.split(",\n").nth(place).expect("a row")
}
