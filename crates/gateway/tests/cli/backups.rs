//! `backup create`, `list` and `restore`; `datacenter`; quotas: what they print, and what they refuse.

use std::path::Path;

use serde_json::json;

use super::finished::{Finished, words};
use super::node::{Node, rejoin};

fn restore(backup: &Path, data: &Path, more: &[&str]) -> Finished {
    let mut command = rejoin();
    command
        .args(["backup", "restore"])
        .arg(backup)
        .arg("--data")
        .arg(data)
        .args(more);
    command.output().expect("rejoin runs").into()
}

#[test]
fn a_backup_is_made_listed_and_restored_and_only_its_own_datacenter_starts_on_it() {
    let backups = tempfile::tempdir().unwrap();
    let node = Node::with_backups(backups.path());
    node.create_customers();
    node.run(&["put", "customers", "a", r#"{"n":1}"#]).text();
    let made = node.json(&["backup", "create", "first"]).json();
    assert_eq!(
        (&made["name"], &made["datacenter"], &made["problem"]),
        (&json!("first"), &json!("dc-east"), &json!(null))
    );
    assert_eq!(made["databases"], json!([{"name": "customers", "documents": 1}]));
    node.run(&["put", "customers", "b", "{}"]).text();
    let by_time = node.json(&["backup", "create"]).json();
    let name = by_time["name"].as_str().unwrap();
    assert!(
        name.len() == 16 && name.ends_with('Z') && by_time["databases"][0]["documents"] == 2,
        "{by_time}"
    );
    // One that was not finished is told from the others.
    std::fs::create_dir_all(backups.path().join("half/data")).unwrap();
    let listed = node.run(&["backup", "list"]);
    let rows = words(listed.text());
    assert!(
        rows.iter()
            .any(|row| row.first() == Some(&"first") && row.last() == Some(&"yes")),
        "{rows:?}"
    );
    assert!(
        listed.text().contains("half: ") && listed.text().contains("no complete backup"),
        "{listed:?}"
    );
    let listed = node.json(&["backup", "list"]).json();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 3, "{listed}");

    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().join("data");
    let first = backups.path().join("first");
    restore(&first, &data, &["--json", "--datacenter", "dc-west"]).error(1, "BACKUP_UNUSABLE");
    restore(&backups.path().join("half"), &data, &["--json"]).error(1, "BACKUP_UNUSABLE");
    assert!(!data.exists(), "nothing was made of them");
    let restored = restore(&first, &data, &["--json", "--datacenter", "dc-east"]).json();
    assert_eq!(restored["datacenter"], "dc-east");
    let again = restore(&first, &data, &[]);
    assert!(again.status == 1 && again.stderr.contains("is not empty"), "{again:?}");

    // Another datacenter's node does not start on it.
    let mut other = rejoin();
    other
        .args(["serve", "--datacenter", "dc-west", "--grpc", "127.0.0.1:0", "--data"])
        .arg(&data);
    let other = Finished::from(other.output().unwrap());
    assert!(
        other.status == 1 && other.stderr.contains("belongs to dc-east"),
        "{other:?}"
    );
    let replica = node.json(&["status"]).json()["replica"].clone();
    let restored = Node::start_in(&data);
    assert_ne!(restored.json(&["status"]).json()["replica"], replica);
    restored.run(&["get", "customers", "a"]).text();
    restored.json(&["get", "customers", "b"]).error(1, "DOCUMENT_NOT_FOUND");
}

#[test]
fn a_backup_goes_nowhere_but_where_the_configuration_says() {
    let backups = tempfile::tempdir().unwrap();
    let node = Node::with_backups(backups.path());
    for name in ["../up", "/tmp/somewhere", "a/b", ".hidden"] {
        node.json(&["backup", "create", name]).error(1, "INVALID_NAME");
    }
    node.run(&["backup", "create", "one"]).text();
    node.json(&["backup", "create", "one"]).error(1, "BACKUP_EXISTS");
    assert_eq!(std::fs::read_dir(backups.path()).unwrap().count(), 1);
    let without = Node::start();
    let refused = without.json(&["backup", "create"]).error(1, "BACKUP_UNAVAILABLE");
    assert!(
        refused["message"].as_str().unwrap().contains("--backups DIR"),
        "{refused}"
    );
    without.json(&["backup", "list"]).error(1, "BACKUP_UNAVAILABLE");
}

#[test]
fn a_quota_is_set_shown_and_kept() {
    let node = Node::with_customers();
    let updated = node.run(&["database", "update", "customers", "--documents-max", "2"]);
    assert!(
        updated.text().contains("customers: 0 of 2 documents used"),
        "{updated:?}"
    );
    for id in ["a", "b"] {
        node.run(&["put", "customers", id, "{}"]).text();
    }
    let refused = node.json(&["put", "customers", "c", "{}"]).error(1, "QUOTA");
    assert_eq!(
        (&refused["metadata"]["used"], &refused["metadata"]["most"]),
        (&json!("2"), &json!("2"))
    );
    node.run(&["update", "customers", "a", r#"{"n":1}"#]).text();
    let listed = node.json(&["database", "list"]).json()["databases"][0].clone();
    assert_eq!(
        (&listed["documents"], &listed["documents_max"], &listed["bytes_max"]),
        (&json!(2), &json!(2), &json!(0))
    );
    let bytes = listed["bytes"].as_u64().unwrap();
    assert!(
        bytes > 0 && node.json(&["status"]).json()["databases"][0]["bytes"] == bytes,
        "{listed}"
    );
    assert!(
        node.run(&["database", "list"])
            .text()
            .contains("customers: 2 of 2 documents used")
    );
    node.run(&["delete", "customers", "a"]).text();
    node.run(&["put", "customers", "c", "{}"]).text();
    let bounded = bytes.to_string();
    node.run(&[
        "database",
        "update",
        "customers",
        "--documents-max",
        "0",
        "--bytes-max",
        &bounded,
    ])
    .text();
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(10_000));
    node.json(&["put", "customers", "d", &large]).error(1, "QUOTA");
    // What is there already, as after a heal, is warned of.
    node.run(&["database", "update", "customers", "--bytes-max", "1"])
        .text();
    let status = node.json(&["status"]).json();
    assert!(status["warnings"].to_string().contains("is over its quota"), "{status}");
}

#[test]
fn datacenters_are_listed_added_and_retired() {
    let node = Node::with_absent_peer();
    let listed = node.json(&["datacenter", "list"]).json();
    let names = |listed: &serde_json::Value| -> Vec<(String, String)> {
        let all = listed["datacenters"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        all.map(|found| (text(&found["name"]), text(&found["standing"])))
            .collect()
    };
    let own = ("dc-east".to_owned(), "own".to_owned());
    assert_eq!(
        names(&listed),
        [own.clone(), ("dc-west".to_owned(), "member".to_owned())]
    );
    for peer in ["dc-south", "=http://127.0.0.1:1", "dc-south="] {
        assert_eq!(node.run(&["datacenter", "add", peer]).status, 2, "{peer}");
    }
    for address in ["127.0.0.1:1", "https://127.0.0.1:1", "http://127.0.0.1"] {
        node.json(&["datacenter", "add", &format!("dc-south={address}")])
            .error(1, "INVALID_ADDRESS");
    }
    node.json(&["datacenter", "add", "dc-east=http://127.0.0.1:1"])
        .error(1, "OWN_DATACENTER");
    let added = node.json(&["datacenter", "add", "dc-south=http://127.0.0.1:1"]).json();
    assert_eq!(
        added,
        json!({"name": "dc-south", "address": "http://127.0.0.1:1", "changed": true})
    );
    let table = node.run(&["datacenter", "list"]);
    assert!(
        table.text().contains("datacenter add") && table.text().contains("configuration"),
        "{table:?}"
    );
    node.json(&["datacenter", "retire", "dc-north", "--yes"])
        .error(1, "PEER_UNKNOWN");
    node.json(&["datacenter", "retire", "dc-east", "--yes"])
        .error(1, "OWN_DATACENTER");
    let refused = node
        .json(&["datacenter", "retire", "dc-west"])
        .error(1, "RETIREMENT_UNCONFIRMED");
    assert!(refused["message"].as_str().unwrap().contains("--yes"), "{refused}");
    for (changed, name) in [(true, "dc-west"), (false, "dc-west"), (true, "dc-south")] {
        let retired = node.json(&["datacenter", "retire", name, "--yes"]).json();
        assert_eq!(retired, json!({"name": name, "changed": changed}));
    }
    let listed = node.json(&["datacenter", "list"]).json();
    let retired = |name: &str| (name.to_owned(), "retired".to_owned());
    assert_eq!(names(&listed), [own, retired("dc-south"), retired("dc-west")]);
    assert_eq!(listed["datacenters"][2]["state"], "refused");
}
