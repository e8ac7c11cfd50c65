//! Batches on the command line.

use serde_json::json;

use crate::node::Node;

fn lines(writes: &[serde_json::Value]) -> String {
    writes.iter().map(|write| format!("{write}\n")).collect()
}

#[test]
fn a_batch_is_stored_whole_or_not_at_all() {
    let node = Node::with_customers();
    let batch = lines(&[
        json!({"op": "create", "id": "a", "body": {"n": 1}}),
        json!({"op": "update", "id": "b", "body": {"n": 2}}),
        json!({"op": "cas", "id": "a", "expected": {"n": 1}, "body": {"n": 3}}),
        json!({"op": "patch", "id": "b", "patch": {"m": 4}}),
        json!({"op": "patch", "id": "b", "patch": [{"op": "test", "path": "/n", "value": 2}, {"op": "remove", "path": "/n"}]}),
        json!({"op": "edit", "id": "b", "increment": {"/m": 3}, "add": {"/tags": ["x", "y"]}, "remove": {"/tags": ["x"]}}),
        json!({"op": "edit", "id": "c", "increment": {"/m": 1}, "create": true}),
        json!({"op": "delete", "id": "c", "expected": {"m": 1}}),
    ]);
    let stored = node.json(&["batch", "customers", &batch]).json();
    let ids: Vec<_> = stored["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["id"].clone())
        .collect();
    assert_eq!(ids, ["a", "b", "a", "b", "b", "b", "c", "c"]);
    assert_eq!(node.json(&["get", "customers", "a"]).json()["body"], json!({"n": 3}));
    assert_eq!(
        node.json(&["get", "customers", "b"]).json()["body"],
        json!({"m": 7, "tags": ["y"]})
    );
    node.json(&["get", "customers", "c"]).error(1, "DOCUMENT_NOT_FOUND");

    let refused = lines(&[
        json!({"op": "update", "id": "a", "body": {"n": 9}}),
        json!({"op": "create", "id": "b", "body": {}}),
    ]);
    let error = node.json(&["batch", "customers", &refused]).error(1, "BATCH_REFUSED");
    assert_eq!(
        (&error["metadata"]["operation"], &error["metadata"]["reason"]),
        (&json!("1"), &json!("DOCUMENT_EXISTS"))
    );
    assert_eq!(node.json(&["get", "customers", "a"]).json()["body"], json!({"n": 3}));
}

#[test]
fn an_independent_batch_says_of_each_write_what_became_of_it_and_exits_with_1_if_one_was_refused() {
    let node = Node::with_customers();
    node.json(&["put", "customers", "a", r#"{"n":1}"#]).json();
    let batch = lines(&[
        json!({"op": "create", "id": "a", "body": {}}),
        json!({"op": "cas", "id": "a", "expected": {}, "body": {"n": 2}}),
        json!({"op": "update", "id": "c", "body": {"n": 1}}),
    ]);
    let done = node.json(&["batch", "customers", &batch, "--independent"]).refused();
    let results = done["results"].as_array().unwrap();
    assert_eq!(results[0]["error"], "DOCUMENT_EXISTS");
    assert_eq!(
        (&results[1]["matched"], &results[1]["body"]),
        (&json!(false), &json!({"n": 1}))
    );
    assert_eq!(results[2]["id"], "c");
    let text = node.run(&["batch", "customers", &batch, "--independent"]);
    assert!(
        text.status == 1 && text.stdout.contains("refused a:") && text.stdout.contains("stored c 2-"),
        "{text:?}"
    );
}

#[test]
fn a_batch_that_is_sent_again_under_its_name_is_done_once() {
    let node = Node::with_customers();
    node.json(&["put", "customers", "a", r#"{"stock":1}"#]).json();
    let batch = lines(&[json!({"op": "update", "id": "a", "body": {"stock": 3}})]);
    let send = || {
        node.json(&["batch", "customers", &batch, "--request-id", "order-7"])
            .json()
    };
    let (first, again) = (send(), send());
    assert_eq!(first["results"][0]["revision"], again["results"][0]["revision"]);
    assert_eq!(
        (&first["results"][0]["repeated"], &again["results"][0]["repeated"]),
        (&json!(null), &json!(true))
    );
    let text = node.run(&["batch", "customers", &batch, "--request-id", "order-7"]);
    assert!(text.stdout.contains(", as before"), "{text:?}");
    let empty = node.run(&["batch", "customers", &batch, "--request-id", ""]);
    assert!(empty.status == 2 && empty.stderr.contains("--request-id"), "{empty:?}");
    assert_eq!(
        node.json(&["get", "customers", "a"]).json()["revision"]
            .as_str()
            .unwrap()
            .split('-')
            .next(),
        Some("2")
    );
    let acknowledged = node
        .json(&["batch", "customers", &batch, "--acknowledge", "all"])
        .json();
    assert_eq!(acknowledged["results"][0]["durable_in"], json!(["dc-east"]));
}

#[test]
fn a_batch_that_is_not_well_formed_is_refused_with_what_to_do() {
    let node = Node::with_customers();
    for (line, says) in [
        (r#"{"op":"merge","id":"a"}"#, "unknown variant `merge`"),
        (r#"{"op":"update","id":"a"}"#, "\"body\" is missing"),
        (r#"{"op":"delete","id":"a","bodi":{}}"#, "unknown field `bodi`"),
        (r#"{"op":"delete","id":"a","checksum":"x"}"#, "decimal number"),
        (r#"{"op":"edit","id":"a"}"#, "an edit needs"),
        (
            r#"{"op":"create","id":"a","body":{},"rev":"1-x"}"#,
            "create does not take \"rev\"",
        ),
        (
            r#"{"op":"delete","id":"a","on_conflict":"merge"}"#,
            "delete does not take \"on_conflict\"",
        ),
        (
            r#"{"op":"delete","id":"a","expected":{},"checksum":"1"}"#,
            "does not take \"checksum\"",
        ),
    ] {
        let refused = node.run(&["batch", "customers", line]);
        assert!(
            refused.status == 2 && refused.stderr.contains("line 1") && refused.stderr.contains(says),
            "{refused:?}"
        );
    }
    node.json(&["batch", "customers", ""]).error(1, "INVALID_BATCH");
    let many: Vec<_> = (0..1001)
        .map(|n| json!({"op": "update", "id": n.to_string(), "body": {}}))
        .collect();
    node.json(&["batch", "customers", &lines(&many)])
        .error(1, "INVALID_BATCH");
    let long = "x".repeat(129);
    let batch = lines(&[json!({"op": "update", "id": "a", "body": {}})]);
    node.json(&["batch", "customers", &batch, "--request-id", &long])
        .error(1, "INVALID_REQUEST_ID");
    node.json(&["batch", "absent", &batch]).error(1, "DATABASE_NOT_FOUND");
}

#[test]
fn what_a_line_says_twice_or_leaves_out_is_named() {
    let node = Node::with_customers();
    let message = |batch: &str| {
        let refused = node.json(&["batch", "customers", batch]).error(2, "USAGE");
        refused["message"].as_str().unwrap().to_owned()
    };
    let twice = message(r#"{"op":"edit","id":"a","create":true,"increment":{"/n":1,"/m":1,"/n":2}}"#);
    assert!(twice.contains("\"/n\" is named twice"), "{twice}");
    assert!(message("writes.ndjson").contains("@FILE"));
    // Not by the places of its members either.
    assert!(message(r#"["delete","a"]"#).contains("a JSON object"));
    // A condition that failed to be filled in is no write without a condition.
    for member in ["rev", "checksum", "on_conflict"] {
        let line = json!({"op": "update", "id": "a", "body": {}, member: null}).to_string();
        assert!(message(&line).contains("line 1: "), "{member}");
    }
    node.json(&["put", "customers", "kept", "{}"]).json();
    let line = json!({"op": "delete", "id": "kept", "expected": null}).to_string();
    node.json(&["batch", "customers", &line]).error(1, "BATCH_REFUSED");
    node.json(&["get", "customers", "kept"]).json();
    let body = message(r#"{"op":"delete","id":"a","body":{}}"#);
    assert!(body.contains("expected, rev, checksum"), "{body}");
    let second = lines(&[
        json!({"op": "create", "id": "a", "body": {}}),
        json!({"op": "delete", "id": "absent"}),
    ]);
    let refused = node.json(&["batch", "customers", &second]).error(1, "BATCH_REFUSED");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .starts_with("write number 2 of the batch"),
        "counted as lines are: {refused}"
    );
}
