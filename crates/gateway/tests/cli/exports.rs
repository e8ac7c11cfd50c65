//! `export`, and `load` of what it printed.

use serde_json::{Value, json};

use super::node::Node;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Bodies and ids that a careless copy would change: number texts, member order, escapes, a member that looks like an id.
const AWKWARD: [(&str, &str); 5] = [
    (
        "plain",
        r#"{"z":1.50,"a":123456789012345678901234567890,"e":1e2,"minus":-0}"#,
    ),
    (
        "quote\"d\n",
        r#"{"text":"a\"b\\c\u0001é","id":"x","body":{"id":7},"history":[]}"#,
    ),
    ("ä/ö?#", r#"{"nested":{"b":[1.0,{"c":null}],"a":{}}}"#),
    ("empty", "{}"),
    ("revision", r#"{"revision":"1-x","deleted":true}"#),
];

#[test]
fn an_export_that_is_loaded_into_another_database_gives_equal_bodies() {
    let node = Node::with_customers();
    node.run(&["database", "create", "copies"]).text();
    for (id, body) in AWKWARD {
        node.run(&["put", "customers", id, body]).text();
    }
    node.run(&["put", "customers", "gone", "{}"]).text();
    node.run(&["delete", "customers", "gone"]).text();
    node.run(&["update", "customers", "empty", r#"{"n":1}"#]).text();
    node.run(&["update", "customers", "empty", "{}"]).text();

    for arguments in [&["export", "customers"][..], &["export", "customers", "--history"]] {
        let exported = node.run(arguments);
        assert_eq!(exported.stderr, "", "no progress where nobody watches");
        let loaded = node
            .run_with_input(&["load", "copies", "-", "--json"], exported.text())
            .json();
        assert_eq!((&loaded["loaded"], &loaded["refused"]), (&json!(5), &json!(0)));
        for (id, body) in AWKWARD {
            let get = node.run(&["get", "copies", id]);
            assert_eq!(get.text().lines().last(), Some(body), "{id}");
        }
    }
    assert_eq!(
        body_texts(node.run(&["export", "copies"]).text()),
        body_texts(node.run(&["export", "customers"]).text())
    );
}

/// The lines of an export without the revisions.
fn body_texts(export: &str) -> Vec<(String, String)> {
    let part = |line: &str| {
        let (id, rest) = line.split_once(",\"revision\":").unwrap();
        (id.to_owned(), rest.split_once(",\"body\":").unwrap().1.to_owned())
    };
    export.lines().map(part).collect()
}

#[test]
fn an_export_has_a_line_a_document_and_history_on_request() {
    let node = Node::with_customers();
    node.run(&["put", "customers", "b", r#"{"n":1.50}"#]).text();
    node.run(&["update", "customers", "b", r#"{"n":2}"#]).text();
    node.run(&["put", "customers", "a", "{}"]).text();
    node.run(&["delete", "customers", "a"]).text();

    let plain = lines(node.run(&["export", "customers"]).text());
    let current = node.json(&["get", "customers", "b"]).json();
    assert_eq!(
        plain,
        [json!({"id": "b", "revision": current["revision"], "body": {"n": 2}})]
    );
    assert_eq!(
        node.json(&["export", "customers"]).text(),
        node.run(&["export", "customers"]).text()
    );

    let full = lines(node.run(&["export", "customers", "--history"]).text());
    assert_eq!(
        (&full[0]["id"], &full[0]["deleted"], &full[0]["body"]),
        (&json!("a"), &json!(true), &Value::Null)
    );
    assert_eq!(full[0]["history"][0]["body"], json!({}));
    let old = &full[1]["history"][0];
    assert_eq!((&old["deleted"], &old["body"]), (&json!(false), &json!({"n": 1.5})));
    assert!(old["revision"].as_str().unwrap().starts_with("1-") && old["superseded"].as_str().unwrap().ends_with('Z'));

    assert_eq!(node.run(&["export", "customers", "--prefix", "x"]).text(), "");
    node.json(&["export", "nowhere"]).error(1, "DATABASE_NOT_FOUND");
}

#[test]
fn the_history_of_an_export_has_what_stood_beside_what_was_shown() {
    let node = Node::with_customers();
    let base = node.json(&["put", "customers", "a", r#"{"n":0}"#]).json()["revision"].clone();
    for n in [1, 2] {
        let body = json!({ "n": n }).to_string();
        let base = base.as_str().unwrap();
        node.run(&[
            "update",
            "customers",
            "a",
            &body,
            "--rev",
            base,
            "--on-conflict",
            "keep-branch",
        ])
        .text();
    }
    node.run(&["resolve", "customers", "a", "--path", "/n", "--value", "9"])
        .text();
    let exported = lines(node.run(&["export", "customers", "--history"]).text());
    let kept = node.json(&["history", "customers", "a", "--bodies"]).json();
    assert_eq!(
        kept["revisions"][1]["set_aside"][0]["candidates"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        exported[0]["history"][0]["set_aside"],
        kept["revisions"][1]["set_aside"]
    );
    assert_eq!(
        exported[0]["history"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .get("set_aside"),
        None
    );
}
