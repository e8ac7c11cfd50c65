//! `list` and `changes`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::finished::words;
use super::node::Node;

const LINE_WITHIN: Duration = Duration::from_secs(20);

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn documents_are_listed_in_the_order_of_their_ids_over_all_pages() {
    let node = Node::with_customers();
    assert_eq!(node.json(&["list", "customers"]).json(), json!({"documents": []}));
    assert_eq!(node.run(&["list", "customers"]).text(), "no documents\n");

    let input: String = (0..250)
        .rev()
        .map(|n| format!("{{\"_id\":\"c{n:03}\",\"n\":{n}}}\n"))
        .collect();
    node.run_with_input(&["load", "customers", "-"], &input).text();
    node.run(&["delete", "customers", "c007"]).text();
    let listed = node.json(&["list", "customers"]).json();
    let ids: Vec<&str> = listed["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["id"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (0..250).filter(|n| *n != 7).map(|n| format!("c{n:03}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(listed["documents"][3], node.json(&["get", "customers", "c003"]).json());
    let few = node.json(&["list", "customers", "--limit", "120"]).json();
    assert_eq!(
        few["documents"].as_array().unwrap()[..],
        listed["documents"].as_array().unwrap()[..120]
    );

    let table = node.run(&["list", "customers", "--limit", "2"]);
    let rows = words(table.text());
    assert_eq!(rows[0], ["id", "revision", "conflicts", "body"]);
    assert_eq!((rows[1][0], rows[1][2], rows[1][3]), ("c000", "0", "{\"n\":0}"));
    assert_eq!(rows.len(), 3);
}

#[test]
fn changes_are_printed_once_per_document_oldest_first() {
    let node = Node::with_customers();
    for (id, body) in [("a", "{}"), ("b", "{}"), ("a", r#"{"n":2}"#)] {
        node.run(&["update", "customers", id, body]).text();
    }
    node.run(&["delete", "customers", "b"]).text();
    let changes = lines(node.json(&["changes", "customers"]).text());
    let seen: Vec<_> = changes
        .iter()
        .map(|change| (change["id"].as_str().unwrap(), change["deleted"].as_bool()))
        .collect();
    assert_eq!(seen, [("a", Some(false)), ("b", Some(true))]);
    assert!(
        changes[1]["revision"].as_str().unwrap().starts_with("2-"),
        "{changes:?}"
    );

    let since = changes[0]["sequence"].as_u64().unwrap().to_string();
    let later = lines(node.json(&["changes", "customers", "--since", &since]).text());
    assert_eq!(later, changes[1..]);
    let text = node.run(&["changes", "customers", "--since", &since]);
    let columns = words(text.text());
    assert_eq!((columns[0][2], columns[0][3]), ("b", "deleted"));
    node.json(&["changes", "nowhere"]).error(1, "DATABASE_NOT_FOUND");
}

#[test]
fn following_prints_what_is_written_later() {
    let node = Node::with_customers();
    node.run(&["put", "customers", "before", "{}"]).text();
    let mut command = node.command(&["changes", "customers", "--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, received) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let id = |line: String| serde_json::from_str::<Value>(&line).unwrap()["id"].clone();
    let before = received.recv_timeout(LINE_WITHIN).map(id);
    node.run(&["put", "customers", "after", "{}"]).text();
    let after = received.recv_timeout(LINE_WITHIN).map(id);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    assert_eq!((before, after), (Ok(json!("before")), Ok(json!("after"))));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let node = Node::with_customers();
    let padding = "x".repeat(1_000);
    let input: String = (0..300)
        .map(|n| format!("{{\"_id\":\"{n}\",\"padding\":\"{padding}\"}}\n"))
        .collect();
    node.run_with_input(&["load", "customers", "-"], &input).text();
    for arguments in [
        &["list", "customers", "--json"][..],
        &["list", "customers"],
        &["changes", "customers"],
    ] {
        let mut command = node.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}
