//! `rejoin serve` as a process: what it prints, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use crate::common::{DEADLINE, free_address};

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command
        .arg("serve")
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A process that ends with its test, also with one that fails.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

pub(crate) fn serve(data: &Path, address: &str, more: &[&str]) -> Running {
    let data = data.to_str().unwrap();
    let mut arguments = vec!["--datacenter", "dc-east", "--data", data, "--grpc", address];
    arguments.extend(more);
    Running(command(&arguments).stderr(Stdio::piped()).spawn().unwrap())
}

/// The lines up to the one that contains `text`, and what follows them.
pub(crate) fn read_until<R: Read + Send + 'static>(errors: R, text: &'static str) -> (Vec<String>, BufReader<R>) {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut lines, mut errors) = (Vec::new(), BufReader::new(errors));
        let mut line = String::new();
        while errors.read_line(&mut line).unwrap() > 0 {
            lines.push(std::mem::take(&mut line));
            if lines.last().unwrap().contains(text) {
                sender.send((lines, errors)).unwrap();
                return;
            }
        }
        panic!("{text:?} never came: {lines:?}");
    });
    receiver.recv_timeout(DEADLINE).unwrap()
}

pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_node_says_once_that_it_is_ready_and_ends_with_0_when_it_is_asked_to() {
    let data = tempfile::tempdir().unwrap();
    let address = free_address().to_string();
    for name in ["TERM", "INT"] {
        let mut node = serve(
            data.path(),
            &address,
            &["--http", "127.0.0.1:0", "--http", "127.0.0.1:0"],
        );
        let (lines, mut rest) = read_until(node.stderr.take().unwrap(), "ready");
        let ready = lines.last().unwrap();
        let addresses = ready.split_once("http=\"").and_then(|(_, rest)| rest.split_once('"'));
        let addresses: Vec<&str> = addresses.unwrap_or_else(|| panic!("{ready}")).0.split(", ").collect();
        assert_eq!(addresses.len(), 2, "{ready}");
        for http in addresses {
            assert!(std::net::TcpStream::connect(http).is_ok(), "{http} is served");
        }
        assert!(
            std::net::TcpStream::connect(&address).is_ok(),
            "ready means that it can be reached"
        );
        signal(&node, name);
        let mut last = String::new();
        rest.read_to_string(&mut last).unwrap();
        assert!(node.wait().unwrap().success(), "{last}");
        assert!(last.contains("stopped"), "{last}");
    }
}

#[test]
fn logs_can_be_json_for_programs() {
    let data = tempfile::tempdir().unwrap();
    let mut node = serve(data.path(), &free_address().to_string(), &["--log-format", "json"]);
    let (lines, _rest) = read_until(node.stderr.take().unwrap(), "ready");
    for line in &lines {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
    }
    signal(&node, "TERM");
    assert!(node.wait().unwrap().success());
}

#[test]
fn logs_for_programs_hold_plain_values() {
    let (east, west) = (free_address(), free_address());
    let data = tempfile::tempdir().unwrap();
    let (peer_of_east, peer_of_west) = (format!("dc-west=http://{west}"), format!("dc-east=http://{east}"));
    let mut node = serve(
        &data.path().join("east"),
        &east.to_string(),
        &["--log-format", "json", "--peer", &peer_of_east],
    );
    let other = command(&[
        "--datacenter",
        "dc-west",
        "--peer",
        &peer_of_west,
        "--grpc",
        &west.to_string(),
    ])
    .arg("--data")
    .arg(data.path().join("west"))
    .stderr(Stdio::null())
    .spawn();
    let other = Running(other.unwrap());
    let (mut lines, rest) = read_until(node.stderr.take().unwrap(), r#""to":"connected""#);
    for verb in ["cut", "restore"] {
        let switched = Command::new(env!("CARGO_BIN_EXE_rejoin"))
            .args(["link", verb, "dc-west", "--address", &format!("http://{east}")])
            .status()
            .unwrap();
        assert!(switched.success());
    }
    let (more, _rest) = read_until(rest, r#""message":"healed""#);
    lines.extend(more);
    let lines: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<&str> = lines.iter().filter_map(|line| line["to"].as_str()).collect();
    for state in ["catching-up", "connected", "cut"] {
        assert!(states.contains(&state), "{state} is not in {states:?}");
    }
    let healed = lines.last().unwrap();
    assert_eq!(healed["digests_equal"], serde_json::Value::Bool(true), "{healed}");
    let ready = lines.iter().find(|line| line["message"] == "ready").unwrap();
    assert_eq!(ready["peers"], "dc-west", "{ready}");
    for mut child in [node, other] {
        signal(&child, "TERM");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_log_filter_that_is_none_ends_with_2_and_says_what_to_write() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let arguments = ["--datacenter", "dc-east", "--data", data, "--grpc", "127.0.0.1:0"];
    for filter in ["rejoin_gateway=loud", "info,[", "=="] {
        let output = command(&arguments).env("RUST_LOG", filter).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{filter}: {errors}");
        for expected in ["RUST_LOG", filter, "rejoin_gateway=debug"] {
            assert!(errors.contains(expected), "{filter}: {expected} is missing in {errors}");
        }
        assert!(errors.matches("expected one of").count() <= 1, "said once: {errors}");
    }
}

#[test]
fn settings_that_make_no_sense_end_with_2_and_say_what_to_change() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (
            &["--datacenter", "dc-east", "--data", data, "--grpc", "0.0.0.0:0"],
            "--insecure",
        ),
        (
            &["--datacenter", "dc-east", "--data", data, "--peer", "dc-west"],
            "NAME=URL",
        ),
        (
            &[
                "--datacenter",
                "dc-east",
                "--data",
                data,
                "--peer",
                "dc-east=http://127.0.0.1:1",
            ],
            "own datacenter",
        ),
        (&["--datacenter", "DC", "--data", data], "datacenter"),
        (&["--data", data], "--datacenter"),
        (&["--datacenter", "dc-east"], "--data"),
    ];
    for (arguments, expected) in cases {
        let output = output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_port_that_is_taken_ends_with_1() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (option, other) in [("--grpc", "--http"), ("--http", "--grpc"), ("--metrics", "--grpc")] {
        let output = output(&[
            "--datacenter",
            "dc-east",
            "--data",
            data.path().to_str().unwrap(),
            other,
            "127.0.0.1:0",
            option,
            &address,
        ]);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("another process uses it"), "{errors}");
        assert!(
            errors.contains(&format!("choose another address with {option}")),
            "{errors}"
        );
    }
}

#[test]
fn the_settings_in_force_can_be_printed() {
    let mut command = command(&["--print-config", "--peer", "dc-west=http://127.0.0.1:7602"]);
    let output = command.env("REJOIN_LINKS_WINDOW_BYTES", "12345").output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "window_bytes = 12345",
        "datacenter = \"dc-west\"",
        "[links]",
        "partition_after_ms = 3000",
        "alive_every_ms = 15000",
    ] {
        assert!(printed.contains(expected), "{expected} is missing in {printed}");
    }
    assert!(!printed.contains("nanos"), "every time is a plain number: {printed}");
}
