//! Exit statuses 1, 2 and 3.

use super::finished::Finished;
use super::node::{Node, free_port, rejoin};

#[test]
fn bad_input_is_refused_with_its_reason_and_nothing_is_stored() {
    let node = Node::with_customers();
    for (body, reason) in [
        ("{not json", "INVALID_JSON"),
        ("", "INVALID_JSON"),
        ("[1]", "BODY_NOT_OBJECT"),
        (r#"{"_secret":1}"#, "RESERVED_NAME"),
        (r#"{"stock":1.5}"#, "COUNTER_NOT_INTEGER"),
    ] {
        let error = node.json(&["put", "customers", "x", body]).error(1, reason);
        let message = error["message"].as_str().unwrap();
        assert!(!message.starts_with(char::is_uppercase), "{message}");
        node.json(&["update", "customers", "x", body]).error(1, reason);
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    node.json(&["put", "customers", "x", &deep]).error(1, "BODY_TOO_DEEP");
    node.json(&["put", "customers", "", "{}"]).error(1, "INVALID_ID");
    node.json(&["put", "customers", &"x".repeat(513), "{}"])
        .error(1, "INVALID_ID");
    node.json(&["put", "customers", "_x", "{}"]).error(1, "RESERVED_NAME");
    node.json(&["put", "nowhere", "x", "{}"]).error(1, "DATABASE_NOT_FOUND");
    node.json(&["update", "customers", "x", "{}", "--rev", "one"])
        .error(1, "INVALID_REVISION");
    let unknown = "7-23202479633c2b380f79507a776743d5";
    node.json(&["update", "customers", "x", "{}", "--rev", unknown])
        .error(1, "DOCUMENT_NOT_FOUND");
    node.json(&["get", "customers", "x"]).error(1, "DOCUMENT_NOT_FOUND");
    node.json(&["put", "customers", "y", "{}"]).json();
    node.json(&["update", "customers", "y", "{}", "--rev", unknown])
        .error(1, "BASE_UNKNOWN");
}

#[test]
fn a_body_over_the_bound_is_refused() {
    let node = Node::with_customers();
    let file = node.file("large.json", &format!("{{\"a\":\"{}\"}}", "x".repeat(9 * 1024 * 1024)));
    node.json(&["put", "customers", "x", &format!("@{}", file.display())])
        .error(1, "BODY_TOO_LARGE");
    let file = node.file(
        "larger.json",
        &format!("{{\"a\":\"{}\"}}", "x".repeat(40 * 1024 * 1024)),
    );
    node.json(&["put", "customers", "x", &format!("@{}", file.display())])
        .error(1, "MESSAGE_TOO_LARGE");
    node.json(&["get", "customers", "x"]).error(1, "DOCUMENT_NOT_FOUND");
}

#[test]
fn arguments_that_make_no_sense_exit_with_2() {
    for arguments in [
        &["get", "customers"][..],
        &["fetch", "customers", "x"],
        &["put", "customers", "x"],
        &["link", "break", "dc-west"],
        &["changes", "customers", "--since", "yesterday"],
        &["get", "customers", "x", "--address", "127.0.0.1:7601"],
        &["load", "customers", "/does/not/exist"],
        &["load", "customers", "/"],
    ] {
        let output = rejoin().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
        assert!(output.stderr.starts_with(b"error: "), "{arguments:?}");

        let output = rejoin().args(arguments).arg("--json").output().unwrap();
        let error = Finished::from(output).error(2, "USAGE");
        let message = error["message"].as_str().unwrap();
        assert!(!message.starts_with("error") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn a_missing_argument_is_named_to_programs_too() {
    let output = rejoin().args(["get", "--json", "customers"]).output().unwrap();
    let error = Finished::from(output).error(2, "USAGE");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("<ID>") && message.contains("--help"), "{message}");
    // What follows `--` is no flag.
    let output = rejoin().args(["get", "--", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.starts_with(b"error: "), "{output:?}");
}

#[test]
fn half_a_character_is_refused_with_what_to_write_instead() {
    let node = Node::with_customers();
    for body in [
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00"}"#,
        r#"{"a":"x\ud83dx","b":"\u00e9 and more"}"#,
        r#"{"\ud800\ud800":1}"#,
    ] {
        let error = node.json(&["put", "customers", "x", body]).error(1, "INVALID_JSON");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("half of a character"), "{body}: {message}");
        assert!(message.contains("write both halves"), "{body}: {message}");
        assert!(message.contains("(line 1, column "), "{body}: {message}");
    }
    let loaded = node.run_with_input(&["load", "customers", "-"], "{\"_id\":\"\\ud800\"}\n");
    assert!(
        loaded
            .stderr
            .starts_with("line 1: the member \"_id\" is not valid text: "),
        "{loaded:?}"
    );
    node.run(&["put", "customers", "x", r#"{"a":"\ud83d\ude00 \\ud800"}"#])
        .text();
}

#[test]
fn a_node_that_is_not_there_exits_with_3() {
    let address = format!("http://127.0.0.1:{}", free_port());
    for arguments in [
        &["get", "customers", "x"][..],
        &["put", "customers", "x", "{}"],
        &["delete", "customers", "x"],
        &["database", "list"],
        &["list", "customers"],
        &["changes", "customers"],
        &["conflicts", "customers"],
        &["load", "customers", "-"],
        &["link", "cut", "dc-west"],
        &["status"],
        &["heals"],
        &["digest"],
    ] {
        let output = rejoin()
            .args(arguments)
            .args(["--json", "--address", &address])
            .output()
            .unwrap();
        Finished::from(output).error(3, "UNREACHABLE");
    }
    let output = rejoin().args(["digest", "--address", &address]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with(&format!("error: cannot reach {address}: ")), "{text}");
}

#[test]
fn the_flag_goes_before_the_environment() {
    let node = Node::start();
    let mut command = rejoin();
    command
        .env("REJOIN_ADDRESS", "http://127.0.0.1:1")
        .args(["digest", "--address", node.address()]);
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}
