//! What a document showed before, on the command line.

use serde_json::{Value, json};

use crate::node::{Node, wait_for};

fn revision(written: &Value) -> String {
    written["revision"].as_str().unwrap().to_owned()
}

#[test]
fn revisions_are_listed_compared_and_brought_back() {
    let node = Node::with_customers();
    let first = revision(
        &node
            .json(&["put", "customers", "baard", r#"{"name":"Baard","town":"Oslo"}"#])
            .json(),
    );
    let second = revision(
        &node
            .json(&["update", "customers", "baard", r#"{"name":"Brad"}"#])
            .json(),
    );
    let listed = node.json(&["history", "customers", "baard"]).json();
    let revisions = listed["revisions"].as_array().unwrap();
    assert_eq!(revisions.len(), 2, "{listed}");
    assert_eq!(
        (
            &revisions[0]["revision"],
            &revisions[0]["current"],
            &revisions[0]["superseded"]
        ),
        (&json!(second), &json!(true), &json!(null))
    );
    let old = &revisions[1];
    assert_eq!(
        (
            &old["revision"],
            &old["current"],
            &old["deleted"],
            old["superseded"].is_string()
        ),
        (&json!(first), &json!(false), &json!(false), true)
    );
    assert!(old["written"].is_string() && old.get("body").is_none(), "{old}");
    let held = node
        .json(&["history", "customers", "baard", "--bodies", "--limit", "2"])
        .json();
    assert_eq!(held["revisions"][1]["body"], json!({"name": "Baard", "town": "Oslo"}));
    assert_eq!(held["revisions"][1]["set_aside"], json!([]));

    let diff = node.json(&["diff", "customers", "baard", &first]).json();
    assert_eq!(
        diff,
        json!({"from": first, "to": second, "differences": [
            {"path": "/name", "from": "Baard", "to": "Brad"}, {"path": "/town", "from": "Oslo"},
        ]})
    );
    assert!(
        node.run(&["diff", "customers", "baard", &first, &first])
            .stdout
            .contains("no differences")
    );

    let restore = |arguments: &[&str]| node.json(&[&["restore", "customers", "baard"], arguments].concat());
    restore(&["--rev", &first, "--path", "/town"]).json();
    let body = || node.json(&["get", "customers", "baard"]).json()["body"].clone();
    assert_eq!(body(), json!({"name": "Brad", "town": "Oslo"}));
    node.json(&["delete", "customers", "baard"]).json();
    restore(&["--rev", &first]).json();
    assert_eq!(body(), json!({"name": "Baard", "town": "Oslo"}));
    assert!(node.run(&["history", "customers", "baard"]).stdout.contains("deleted"));
}

#[test]
fn wrong_use_of_the_history_is_refused_with_what_to_do() {
    let node = Node::with_customers();
    let first = revision(&node.json(&["put", "customers", "baard", r#"{"name":"Baard"}"#]).json());
    let (absent, unknown) = (["customers", "absent"], "9-23202479633c2b380f79507a776743d5");
    node.json(&["history", absent[0], absent[1]])
        .error(1, "DOCUMENT_NOT_FOUND");
    node.json(&["history", "nowhere", "baard"])
        .error(1, "DATABASE_NOT_FOUND");
    node.json(&["diff", absent[0], absent[1], &first])
        .error(1, "DOCUMENT_NOT_FOUND");
    node.json(&["diff", "customers", "baard", unknown])
        .error(1, "REVISION_NOT_FOUND");
    node.json(&["diff", "customers", "baard", "x"])
        .error(1, "INVALID_REVISION");
    node.json(&["restore", absent[0], absent[1], "--rev", &first])
        .error(1, "DOCUMENT_NOT_FOUND");
    let restore = |arguments: &[&str]| node.json(&[&["restore", "customers", "baard", "--rev"], arguments].concat());
    restore(&[unknown]).error(1, "REVISION_NOT_FOUND");
    restore(&[&first, "--path", "/town"]).error(1, "INVALID_RESOLUTION");
    restore(&[&first, "--path", "town"]).error(1, "INVALID_RESOLUTION");
    restore(&[&first, "--path", "/name", "--set-aside", "7/0000000000000000"]).error(1, "INVALID_RESOLUTION");
    for usage in [
        &[first.as_str(), "--set-aside", "1"][..],
        &[&first, "--path", "/name", "--set-aside", "0"],
        &[&first, "--path", "/name", "--set-aside", "1"],
    ] {
        let finished = restore(usage);
        assert_eq!(finished.status, 2, "{finished:?}");
    }
    node.json(&["compact", "nowhere"]).error(1, "DATABASE_NOT_FOUND");
}

#[test]
fn a_value_that_a_resolution_set_aside_is_brought_back_by_its_number_or_its_write() {
    let (east, west) = Node::pair();
    east.create_customers();
    wait_for("the database in the west", || {
        west.json(&["put", "customers", "other", "{}"]).status == 0
    });
    east.json(&["put", "customers", "baard", r#"{"phone":"0"}"#]).json();
    wait_for("the document in the west", || {
        west.run(&["get", "customers", "baard"]).status == 0
    });
    let peer = ["dc-west", "dc-east"];
    east.json(&["link", "cut", peer[0]]).json();
    east.json(&["update", "customers", "baard", r#"{"phone":"1"}"#]).json();
    west.json(&["update", "customers", "baard", r#"{"phone":"2"}"#]).json();
    east.json(&["link", "restore", peer[0]]).json();
    let conflicts = || east.json(&["get", "customers", "baard"]).json()["conflicts"].clone();
    wait_for("the conflict", || conflicts() != json!([]));
    let merged = revision(&east.json(&["get", "customers", "baard"]).json());
    east.json(&["resolve", "customers", "baard", "--path", "/phone", "--value", "\"9\""])
        .json();
    let held = east.json(&["history", "customers", "baard", "--bodies"]).json();
    let found = held["revisions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["revision"] == json!(merged));
    let candidates = found.unwrap()["set_aside"][0]["candidates"].as_array().unwrap().clone();
    assert_eq!(candidates.len(), 2, "{candidates:?}");
    let restore = |set_aside: &str| {
        let place = [
            "restore",
            "customers",
            "baard",
            "--rev",
            &merged,
            "--path",
            "/phone",
            "--set-aside",
        ];
        east.json(&[&place[..], &[set_aside]].concat()).json();
        east.json(&["get", "customers", "baard"]).json()["body"]["phone"].clone()
    };
    assert_eq!(restore("1"), candidates[0]["value"]);
    assert_eq!(restore(candidates[1]["dot"].as_str().unwrap()), candidates[1]["value"]);
    assert!(
        east.run(&["history", "customers", "baard", "--bodies"])
            .stdout
            .contains("/phone")
    );
}

#[test]
fn a_compaction_says_what_it_did() {
    let node = Node::with_customers();
    for n in 0..20 {
        node.json(&["update", "customers", "baard", &format!(r#"{{"n":{n}}}"#)])
            .json();
    }
    node.json(&["database", "create", "gone"]).json();
    node.json(&["database", "delete", "gone"]).json();
    let compacted = node.json(&["compact"]).json();
    assert_eq!(compacted["revisions_dropped"], 0, "they are young: {compacted}");
    assert!(compacted["bytes_before"].as_u64().unwrap() > 0 && compacted["bytes_after"].as_u64().unwrap() > 0);
    assert_eq!(
        node.json(&["history", "customers", "baard"]).json()["revisions"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    let text = node.run(&["compact", "customers"]);
    assert!(text.stdout.contains("bytes on disk"), "{text:?}");
}

#[test]
fn a_revision_that_deleted_the_document_is_printed_as_deleted_also_once_it_is_superseded() {
    let node = Node::with_customers();
    node.json(&["put", "customers", "baard", r#"{"name":"Baard"}"#]).json();
    let tombstone = revision(&node.json(&["delete", "customers", "baard"]).json());
    let get = ["get", "customers", "baard", "--rev", &tombstone];
    for superseded in [false, true] {
        if superseded {
            node.json(&["put", "customers", "baard", r#"{"name":"Brad"}"#]).json();
        }
        let read = node.json(&get).json();
        assert_eq!(
            (&read["deleted"], &read["body"]),
            (&json!(true), &json!(null)),
            "{read}"
        );
        let text = node.run(&get);
        assert!(
            text.text().contains(&tombstone) && text.text().contains("(deleted)"),
            "{text:?}"
        );
    }
}
