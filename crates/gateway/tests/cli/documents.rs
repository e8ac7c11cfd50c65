//! `put`, `get`, `update`, `delete`: one document.

use serde_json::json;

use super::finished::{member_names, words};
use super::node::Node;

#[test]
fn a_document_is_put_read_updated_and_deleted() {
    let node = Node::with_customers();
    let put = node
        .json(&["put", "customers", "baard", r#"{"first_name":"Baard"}"#])
        .json();
    assert_eq!((&put["id"], &put["merged"]), (&json!("baard"), &json!(false)));
    assert!(put["revision"].as_str().unwrap().starts_with("1-"), "{put}");
    assert_eq!(put.as_object().unwrap().len(), 3);

    let get = node.json(&["get", "customers", "baard"]).json();
    assert_eq!(get["revision"], put["revision"]);
    assert_eq!((&get["id"], &get["deleted"]), (&json!("baard"), &json!(false)));
    assert_eq!(
        (&get["body"], &get["conflicts"]),
        (&json!({"first_name": "Baard"}), &json!([]))
    );
    get["checksum"]
        .as_str()
        .unwrap()
        .parse::<u64>()
        .expect("a decimal string of 64 bits");
    assert_eq!(get.as_object().unwrap().len(), 6);

    let update = node
        .json(&["update", "customers", "baard", r#"{"first_name":"Bård"}"#])
        .json();
    assert!(update["revision"].as_str().unwrap().starts_with("2-"), "{update}");
    let delete = node.json(&["delete", "customers", "baard"]).json();
    assert_eq!(member_names(&delete), ["id", "revision", "merged"]);
    assert!(delete["revision"].as_str().unwrap().starts_with("3-"), "{delete}");
    node.json(&["get", "customers", "baard"]).error(1, "DOCUMENT_NOT_FOUND");
    node.json(&["delete", "customers", "baard"])
        .error(1, "DOCUMENT_NOT_FOUND");
}

#[test]
fn people_read_the_revision_and_the_body() {
    let node = Node::with_customers();
    let revision = "1-23202479633c2b380f79507a776743d5";
    assert_eq!(
        node.run(&["put", "customers", "a", r#"{"a":1}"#]).text(),
        format!("stored a {revision}\n")
    );
    assert_eq!(
        node.run(&["get", "customers", "a"]).text(),
        format!("a {revision}\n{{\"a\":1}}\n")
    );
    let deleted = node.run(&["delete", "customers", "a", "--rev", revision]);
    assert!(deleted.text().starts_with("deleted a 2-"), "{deleted:?}");
    let absent = node.run(&["get", "customers", "a"]);
    assert_eq!((absent.status, absent.stdout.as_str()), (1, ""));
    assert!(absent.stderr.starts_with("error: "), "{absent:?}");
}

#[test]
fn put_is_refused_where_a_document_exists_and_update_creates_what_is_absent() {
    let node = Node::with_customers();
    node.run(&["put", "customers", "a", r#"{"n":1}"#]).text();
    node.json(&["put", "customers", "a", r#"{"n":2}"#])
        .error(1, "DOCUMENT_EXISTS");
    assert_eq!(node.json(&["get", "customers", "a"]).json()["body"], json!({"n": 1}));

    let created = node.json(&["update", "customers", "b", r#"{"n":1}"#]).json();
    assert!(created["revision"].as_str().unwrap().starts_with("1-"), "{created}");
}

#[test]
fn numbers_and_member_order_come_back_as_they_were_written() {
    let node = Node::with_customers();
    let body = r#"{"z":1.50,"a":123456789012345678901234567890,"m":{"y":1e2,"b":[0.10]}}"#;
    node.run(&["put", "customers", "exact", body]).text();
    let json = node.json(&["get", "customers", "exact"]);
    assert!(json.text().contains(&format!("\"body\":{body},")), "{json:?}");
    assert!(node.run(&["get", "customers", "exact"]).text().contains(body));
    assert!(
        node.json(&["list", "customers"])
            .text()
            .contains(&format!("\"body\":{body},"))
    );
}

#[test]
fn the_checksum_is_that_of_the_content_whatever_the_member_order() {
    let node = Node::with_customers();
    node.run(&["put", "customers", "a", r#"{"x":1,"y":2}"#]).text();
    node.run(&["put", "customers", "b", r#"{"y":2,"x":1}"#]).text();
    node.run(&["put", "customers", "c", r#"{"y":2,"x":1.0}"#]).text();
    let checksum = |id| node.json(&["get", "customers", id]).json()["checksum"].clone();
    assert_eq!(checksum("a"), checksum("b"));
    assert_ne!(checksum("a"), checksum("c"));
}

#[test]
fn a_body_can_come_from_standard_input_or_a_file() {
    let node = Node::with_customers();
    node.run_with_input(&["put", "customers", "stdin", "-"], "{\"from\": \"stdin\"}\n")
        .text();
    let file = node.file("body.json", r#"{"from":"file"}"#);
    node.run(&["update", "customers", "file", &format!("@{}", file.display())])
        .text();
    assert_eq!(
        node.json(&["get", "customers", "stdin"]).json()["body"],
        json!({"from": "stdin"})
    );
    assert_eq!(
        node.json(&["get", "customers", "file"]).json()["body"],
        json!({"from": "file"})
    );

    let missing = node
        .json(&["put", "customers", "x", "@/does/not/exist"])
        .error(2, "USAGE");
    assert!(
        missing["message"].as_str().unwrap().contains("/does/not/exist"),
        "{missing}"
    );
}

/// Two clients read the same revision; the second one to write names it.
fn stale_revision(node: &Node) -> String {
    let put = node
        .json(&["put", "customers", "baard", r#"{"city":"Oslo","name":"Baard"}"#])
        .json();
    node.run(&["update", "customers", "baard", r#"{"city":"Bergen","name":"Baard"}"#])
        .text();
    put["revision"].as_str().unwrap().to_owned()
}

#[test]
fn a_stale_revision_is_merged_where_nobody_else_wrote() {
    let node = Node::with_customers();
    let stale = stale_revision(&node);
    let update = [
        "update",
        "customers",
        "baard",
        r#"{"city":"Oslo","name":"Bård"}"#,
        "--rev",
        &stale,
    ];
    let written = node.json(&update).json();
    assert_eq!(written["merged"], json!(true));
    let get = node.json(&["get", "customers", "baard"]).json();
    assert_eq!(get["body"], json!({"city": "Bergen", "name": "Bård"}));
    assert_eq!(get["revision"], written["revision"]);
}

#[test]
fn a_conflict_is_refused_with_a_table_of_what_both_changed() {
    let node = Node::with_customers();
    let stale = stale_revision(&node);
    let update = [
        "update",
        "customers",
        "baard",
        r#"{"city":"Tromsø","name":"Baard"}"#,
        "--rev",
        &stale,
    ];
    let refused = node.run(&update);
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{refused:?}");
    let lines = words(&refused.stderr);
    assert_eq!(lines[0][0], "error:", "{refused:?}");
    assert_eq!(lines[1], ["path", "base", "ours", "yours"]);
    assert_eq!(lines[2], ["/city", "\"Oslo\"", "\"Bergen\"", "\"Tromsø\""]);
    assert!(refused.stderr.contains("--rev 2-"), "{refused:?}");
    assert!(
        refused.stderr.lines().all(|line| line.chars().count() <= 120),
        "{refused:?}"
    );

    let report = node.json(&update).refused();
    assert!(
        report["message"].as_str().unwrap().contains("changed meanwhile"),
        "{report}"
    );
    let path = json!({"key": "/city", "base_value": "Oslo", "our_value": "Bergen", "your_value": "Tromsø"});
    assert_eq!(report["conflicts"], json!([path]));
    assert_eq!(report["ours"], json!({"city": "Bergen", "name": "Baard"}));
    let current = report["revision"].as_str().unwrap();
    let again = [
        "update",
        "customers",
        "baard",
        r#"{"city":"Tromsø","name":"Baard"}"#,
        "--rev",
        current,
    ];
    assert_eq!(node.json(&again).json()["merged"], json!(false));
}

#[test]
fn a_delete_of_what_was_not_read_is_refused() {
    let node = Node::with_customers();
    let stale = stale_revision(&node);
    let report = node.json(&["delete", "customers", "baard", "--rev", &stale]).refused();
    assert_eq!(report["conflicts"][0]["key"], "/city");
    assert_eq!(report["yours"], json!(null));
    assert_eq!(
        node.json(&["get", "customers", "baard"]).json()["body"]["city"],
        json!("Bergen")
    );
}
