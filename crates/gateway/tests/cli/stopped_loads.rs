//! `load` that is stopped by a signal: every line of the input is accounted for.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::finished::Finished;
use super::node::{Node, wait_for};
use super::silent_node::SilentNode;

/// Small documents that a client sends before it waits for an answer.
const WINDOW: u64 = 8 * 1024;

fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rejoin runs")
}

fn stop(child: Child, signal: &str) -> Finished {
    let id = child.id().to_string();
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &id])
        .status()
        .unwrap();
    assert!(sent.success());
    child.wait_with_output().expect("rejoin ends").into()
}

fn documents(count: u64) -> String {
    (0..count).map(|n| format!("{{\"_id\":\"d{n}\"}}\n")).collect()
}

#[test]
fn a_load_stopped_without_all_answers_exits_with_3_and_accounts_for_every_line() {
    for signal in ["TERM", "INT"] {
        let node = SilentNode::start(2);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("documents.ndjson");
        std::fs::write(&file, documents(3 + WINDOW + 40)).unwrap();
        let child = start(&mut node.command(&["load", "customers", file.to_str().unwrap(), "--json"]));
        wait_for("the window is full", || node.arrived() == 3 + WINDOW);
        let stopped = stop(child, signal);
        assert_eq!(stopped.status, 3, "{stopped:?}");
        let summary: Value = serde_json::from_str(&stopped.stdout).unwrap();
        let counts = ["loaded", "refused", "unknown", "unsent", "input_ended"].map(|name| summary[name].clone());
        assert_eq!(
            counts,
            [json!(2), json!(1), json!(WINDOW), json!(40), json!(true)],
            "{summary}"
        );
        let last: Value = serde_json::from_str(stopped.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(last["error"], "STOPPED", "{stopped:?}");
        assert!(last["message"].as_str().unwrap().contains("load it again"), "{last}");
    }
}

#[test]
fn people_read_the_same_in_one_line() {
    let node = SilentNode::start(2);
    let mut child = start(&mut node.command(&["load", "customers", "-"]));
    let mut input = child.stdin.take().unwrap();
    input.write_all(documents(5).as_bytes()).unwrap();
    wait_for("everything is sent", || node.arrived() == 5);
    let stopped = stop(child, "TERM");
    drop(input);
    assert_eq!(stopped.status, 3, "{stopped:?}");
    let expected = "loaded 2, refused 1, 2 without an answer, 0 never sent and the rest of the input in ";
    assert!(stopped.stdout.starts_with(expected), "{stopped:?}");
    assert!(stopped.stderr.contains("error: the load was stopped"), "{stopped:?}");
}

#[test]
fn a_stopped_load_waits_for_the_answers_that_are_on_their_way() {
    let node = Node::with_customers();
    let mut child = start(&mut node.command(&["load", "customers", "-", "--json"]));
    let mut input = child.stdin.take().unwrap();
    input.write_all(documents(5).as_bytes()).unwrap();
    wait_for("the last line is stored", || {
        node.run(&["get", "customers", "d4"]).status == 0
    });
    let stopped = stop(child, "TERM");
    drop(input);
    assert_eq!(
        stopped.status, 1,
        "nothing is unknown, but not all is loaded: {stopped:?}"
    );
    let summary: Value = serde_json::from_str(&stopped.stdout).unwrap();
    let counts = ["loaded", "refused", "unknown", "unsent", "input_ended"].map(|name| summary[name].clone());
    assert_eq!(
        counts,
        [json!(5), json!(0), json!(0), json!(0), json!(false)],
        "{summary}"
    );
}
