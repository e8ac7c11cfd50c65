//! `list` and `changes`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::finished::{member_names, words};
use super::node::{Node, wait_for};

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

    let since = changes[0]["token"].as_str().unwrap();
    let later = lines(node.json(&["changes", "customers", "--since", since]).text());
    let ids = |changes: &[Value]| changes.iter().map(|change| change["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&later), ids(&changes[1..]));
    let text = node.run(&["changes", "customers", "--since", since]);
    let columns = words(text.text());
    assert_eq!((columns[0][2], columns[0][3]), ("b", "deleted"));
    // The last line is the command that goes on.
    let next = columns.last().unwrap();
    assert_eq!(
        next[..7],
        ["to", "go", "on:", "rejoin", "changes", "customers", "--since"]
    );
    let rest = node.run(&["changes", "customers", "--since", next[7]]);
    assert_eq!(words(rest.text()).len(), 1, "{rest:?}");
    node.json(&["changes", "nowhere"]).error(1, "DATABASE_NOT_FOUND");
}

#[test]
fn changes_are_filtered_carry_bodies_and_begin_now_if_asked_to() {
    let node = Node::with_customers();
    for id in ["user/1", "order/1", "user/2"] {
        node.run(&["put", "customers", id, r#"{"z":1.50,"a":1}"#]).text();
    }
    node.run(&["delete", "customers", "user/2"]).text();
    let changes = node.json(&["changes", "customers", "--prefix", "user/", "--bodies"]);
    let bodies = lines(changes.text());
    assert_eq!(
        member_names(&bodies[0]),
        ["sequence", "id", "revision", "deleted", "conflicts", "token", "body"]
    );
    assert!(changes.text().contains(r#""body":{"z":1.50,"a":1}}"#), "{changes:?}");
    assert_eq!(
        (bodies.len(), &bodies[1]["id"], &bodies[1]["body"]),
        (2, &json!("user/2"), &Value::Null)
    );
    let some = lines(
        node.json(&["changes", "customers", "--id", "order/1", "--id", "x"])
            .text(),
    );
    assert_eq!((some.len(), &some[0]["id"]), (1, &json!("order/1")));

    let now = lines(node.json(&["changes", "customers", "--from-now"]).text());
    assert_eq!((now.len(), member_names(&now[0])), (1, vec!["token"]));
    node.run(&["put", "customers", "new", "{}"]).text();
    let token = now[0]["token"].as_str().unwrap();
    let later = lines(node.json(&["changes", "customers", "--since", token]).text());
    assert_eq!((later.len(), &later[0]["id"]), (1, &json!("new")));
    let garbled = format!("{}00", &token[..token.len() - 2]);
    node.json(&["changes", "customers", "--since", &garbled])
        .error(1, "INVALID_WATCH_TOKEN");
}

#[test]
fn a_range_of_documents_is_listed_in_both_directions_and_as_ids() {
    let node = Node::with_customers();
    let input: String = (0..120).map(|n| format!("{{\"_id\":\"c{n:03}\"}}\n")).collect();
    node.run_with_input(&["load", "customers", "-"], &input).text();
    let back = node.json(&[
        "list",
        "customers",
        "--from",
        "c005",
        "--to",
        "c110",
        "--descending",
        "--ids",
    ]);
    let expected: Vec<String> = (5..110).rev().map(|n| format!("c{n:03}")).collect();
    assert_eq!(back.json(), json!({"ids": expected}));
    let ids = node.run(&["list", "customers", "--prefix", "c01", "--ids", "--limit", "2"]);
    assert_eq!(ids.text(), "c010\nc011\n");
    assert_eq!(node.run(&["list", "customers", "--prefix", "x", "--ids"]).text(), "");
    node.json(&["list", "customers", "--from", "b", "--to", "a"])
        .error(1, "INVALID_FILTER");
}

#[test]
fn several_documents_are_printed_in_the_order_of_their_ids() {
    let node = Node::with_customers();
    node.run(&["put", "customers", "a", r#"{"n":1.50}"#]).text();
    node.run(&["put", "customers", "b", "{}"]).text();
    let found = node.json(&["get-many", "customers", "b", "absent", "a"]).json();
    let expected = json!({"documents": [
        node.json(&["get", "customers", "b"]).json(),
        {"id": "absent", "missing": true},
        node.json(&["get", "customers", "a"]).json(),
    ], "moments": 1});
    assert_eq!(found, expected);
    let text = node.run(&["get-many", "customers", "a", "absent"]);
    let lines: Vec<&str> = text.text().lines().collect();
    assert!(lines[0].starts_with("a 1-"), "{text:?}");
    assert_eq!(lines[1..], [r#"{"n":1.50}"#, "absent is not there"]);
    node.json(&["get-many", "nowhere", "a"]).error(1, "DATABASE_NOT_FOUND");
    node.json(&["get-many", "customers"]).error(2, "USAGE");
    node.json(&["list", "customers", "--limit", "0"]).error(2, "USAGE");
}

/// A command that prints a line for each change, as it comes.
struct Following {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Following {
    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    fn next_id(&self) -> Value {
        let line = self.lines.recv_timeout(LINE_WITHIN).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["id"].clone()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn following_prints_what_is_written_later() {
    let node = Node::with_customers();
    node.run(&["put", "customers", "before", "{}"]).text();
    let following = Following::of(node.command(&["changes", "customers", "--follow", "--json"]));
    assert_eq!(following.next_id(), "before");
    node.run(&["put", "customers", "after", "{}"]).text();
    assert_eq!(following.next_id(), "after");
}

fn follow_over_the_end_of_a_node(orderly: bool) {
    let (east, west) = Node::pair();
    east.create_customers();
    east.run(&["put", "customers", "before", "{}"]).text();
    wait_for("west has it", || west.run(&["get", "customers", "before"]).status == 0);
    let addresses = ["--address", east.address(), "--address", west.address()];
    let arguments = [&["changes", "customers", "--follow", "--json"][..], &addresses].concat();
    let following = Following::of(west.command(&arguments));
    assert_eq!(following.next_id(), "before");
    if orderly {
        east.terminate();
    } else {
        drop(east);
    }
    west.run(&["put", "customers", "after", "{}"]).text();
    // The other node may have to tell again what the first one told.
    while following.next_id() != "after" {}
}

#[test]
fn following_goes_on_at_another_address_when_its_node_dies() {
    follow_over_the_end_of_a_node(false);
}

#[test]
fn following_goes_on_at_another_address_when_its_node_stops() {
    follow_over_the_end_of_a_node(true);
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
        &["export", "customers"],
    ] {
        let mut command = node.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}
