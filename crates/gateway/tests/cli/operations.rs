//! `status`, `link`, `heals`, `digest`: what operators ask.

use serde_json::json;

use super::finished::words;
use super::node::{Node, wait_for};

#[test]
fn status_shows_the_node_its_links_and_its_databases() {
    let node = Node::with_absent_peer();
    node.create_customers();
    node.run(&["put", "customers", "a", "{}"]).text();
    node.run(&["put", "customers", "b", "{}"]).text();
    node.run(&["delete", "customers", "b"]).text();

    let status = node.json(&["status"]).json();
    assert_eq!(status["datacenter"], "dc-east");
    assert_eq!(status["replica"].as_str().unwrap().len(), 16);
    assert_eq!(status["digest"], node.json(&["digest"]).json()["digest"]);
    assert_eq!(status["databases"][0]["name"], "customers");
    assert_eq!(
        (
            &status["databases"][0]["documents"],
            &status["databases"][0]["conflicts"]
        ),
        (&json!(1), &json!(0))
    );
    let link = &status["links"][0];
    assert_eq!(link["datacenter"], "dc-west");
    assert!(link["since"].as_str().unwrap().ends_with('Z'), "{link}");
    assert!(
        status["warnings"].is_array() && status["version"].is_string(),
        "{status}"
    );

    let text = node.run(&["status"]);
    let rows = words(text.text());
    assert_eq!(rows[0][0], "dc-east", "{text:?}");
    assert!(
        rows.iter()
            .any(|row| row[..] == ["database", "documents", "conflicts", "sequence", "quarantined"])
    );
    assert!(rows.iter().any(|row| row[..2] == ["customers", "1"]), "{text:?}");
    assert!(rows.iter().any(|row| row[0] == "dc-west"), "{text:?}");
    assert!(!text.stdout.contains('\u{1b}'), "no colours where no terminal is");
}

#[test]
fn a_link_is_cut_and_restored_once() {
    let node = Node::with_absent_peer();
    let state = || node.json(&["status"]).json()["links"][0]["state"].clone();
    let cut = node.json(&["link", "cut", "dc-west"]).json();
    assert_eq!(cut, json!({"datacenter": "dc-west", "cut": true, "changed": true}));
    wait_for("the link is cut", || state() == "cut");
    assert!(node.run(&["link", "cut", "dc-west"]).text().contains("were cut before"));
    let restored = node.json(&["link", "restore", "dc-west"]).json();
    assert_eq!(
        restored,
        json!({"datacenter": "dc-west", "cut": false, "changed": true})
    );
    wait_for("the link is not cut", || state() != "cut");
    assert!(
        node.run(&["link", "restore", "dc-west"])
            .text()
            .contains("were not cut")
    );
    node.json(&["link", "cut", "dc-north"]).error(1, "PEER_UNKNOWN");
}

#[test]
fn the_digest_is_that_of_the_live_documents() {
    let node = Node::with_customers();
    let digest = || node.run(&["digest"]).text().to_owned();
    let before = digest();
    assert_eq!(before.trim_end().len(), 64);
    assert!(
        before
            .trim_end()
            .chars()
            .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()),
        "{before}"
    );
    node.run(&["put", "customers", "a", "{}"]).text();
    assert_ne!(digest(), before);
    node.run(&["delete", "customers", "a"]).text();
    assert_eq!(digest(), before);
}

#[test]
fn without_a_heal_there_is_nothing_to_list() {
    let node = Node::start();
    assert_eq!(node.json(&["heals"]).json(), json!({"heals": []}));
    assert!(node.run(&["heals"]).text().starts_with("no heals"));
}

#[test]
fn every_client_command_takes_an_address_and_json() {
    for command in [
        &["database", "create"][..],
        &["database", "list"],
        &["put"],
        &["get"],
        &["update"],
        &["delete"],
        &["list"],
        &["changes"],
        &["load"],
        &["conflicts"],
        &["link", "cut"],
        &["link", "restore"],
        &["status"],
        &["heals"],
        &["digest"],
    ] {
        let output = super::node::rejoin().args(command).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(
            help.contains("--address") && help.contains("http://127.0.0.1:7601"),
            "{command:?}: {help}"
        );
        assert!(
            help.contains("REJOIN_ADDRESS") && help.contains("With --json:"),
            "{command:?}: {help}"
        );
    }
}
