//! `status`, `link`, `heals`, `digest`: what operators ask.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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
fn status_tells_how_far_each_side_is_behind_the_clocks_the_conflicts_and_the_disk() {
    let node = Node::with_absent_peer();
    node.create_customers();
    let status = node.json(&["status"]).json();
    let link = &status["links"][0];
    assert_eq!(link["lag"]["documents"], json!(null), "nobody has asked it: {link}");
    assert!(link["lag"]["behind_s"].is_number(), "{link}");
    assert_eq!(
        (&link["peer_lag"], &link["clock_ahead_s"]),
        (&json!(null), &json!(null)),
        "it never came"
    );
    assert_eq!(
        (&link["caught_up_in_s"], &status["conflicts"]),
        (&json!(null), &json!(0))
    );
    assert!(status["time"].as_str().unwrap().ends_with('Z'), "{status}");
    for bytes in ["disk_free_bytes", "disk_used_bytes"] {
        assert!(status[bytes].as_u64() > Some(0), "{bytes}: {status}");
    }
    let text = node.run(&["status"]);
    let rows = words(text.text());
    assert!(
        rows.iter()
            .any(|row| row.starts_with(&["clock"]) && row.contains(&"free")),
        "{text:?}"
    );
    let headings = ["link", "behind", "for", "caught", "up", "in", "peer", "behind", "for"];
    assert!(rows.iter().any(|row| row[..] == headings), "{text:?}");
    let lag = rows
        .iter()
        .filter(|row| row.first() == Some(&"dc-west"))
        .nth(1)
        .unwrap();
    assert_eq!(
        (lag[1], lag[lag.len() - 2..].join(" ").as_str()),
        ("-", "- -"),
        "{text:?}"
    );
}

#[test]
fn a_status_is_watched_until_it_is_interrupted() {
    let node = Node::with_customers();
    for (json, blocks) in [(true, 3), (false, 2)] {
        let mut arguments = vec!["status", "--watch"];
        arguments.extend(json.then_some("--json"));
        let mut command = node.command(&arguments);
        let mut watching = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
        let mut seen = Vec::new();
        let complete = |seen: &[String]| match json {
            true => seen.len() == blocks,
            false => seen.iter().filter(|line| line.starts_with("customers")).count() == blocks,
        };
        while !complete(&seen) {
            seen.push(lines.next().expect("it goes on").unwrap());
        }
        let id = watching.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(watching.wait().unwrap().success(), "it is no failure to be interrupted");
        for line in seen.iter().filter(|_| json) {
            let status: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(status["datacenter"], "dc-east");
        }
        assert!(
            !seen.concat().contains('\u{1b}'),
            "nothing is redrawn where no terminal is"
        );
    }
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
        &["verify"],
        &["quarantine"],
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
