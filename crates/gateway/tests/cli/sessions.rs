//! `--session`, `--allow-stale`, several `--address`es and `--acknowledge`.

use serde_json::json;

use super::finished::member_names;
use super::node::{Node, free_port, wait_for};

/// Two nodes that know the database and one document, and whose link is cut then.
fn parted() -> (Node, Node) {
    let (east, west) = Node::pair();
    east.create_customers();
    east.run(&["put", "customers", "a", r#"{"v":0}"#]).text();
    wait_for("the document arrives", || {
        west.run(&["get", "customers", "a"]).status == 0
    });
    east.run(&["link", "cut", "dc-west"]).text();
    (east, west)
}

#[test]
fn commands_with_one_session_file_are_one_session_whichever_node_they_ask() {
    let (east, west) = parted();
    let file = east.path().join("session");
    let session = ["--session", file.to_str().unwrap()];
    let with = |arguments: &[&'static str]| -> Vec<String> {
        arguments
            .iter()
            .chain(&session)
            .map(|text| (*text).to_owned())
            .collect()
    };
    let run = |node: &Node, arguments: &[&'static str]| {
        let arguments = with(arguments);
        node.json(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    run(&east, &["update", "customers", "a", r#"{"v":1}"#]).json();
    let behind = run(&west, &["get", "customers", "a", "--wait", "50"]).error(1, "SESSION_BEHIND");
    assert_eq!(behind["metadata"]["datacenter"], "dc-east");
    assert!(behind["metadata"]["since_unix_ms"].is_string(), "{behind}");
    let stale = run(&west, &["get", "customers", "a", "--allow-stale"]).json();
    assert_eq!((&stale["stale"], &stale["body"]), (&json!(true), &json!({"v": 0})));
    let arguments = with(&["get", "customers", "a", "--allow-stale"]);
    let text = west.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(text.text().contains("older than what the session has seen"), "{text:?}");
    let alone = west.json(&["get", "customers", "a"]).json();
    assert!(
        alone.get("stale").is_none() && alone.get("catching_up_from").is_none(),
        "{alone}"
    );
    east.run(&["link", "restore", "dc-west"]).text();
    let read = run(&west, &["get", "customers", "a", "--wait", "30000"]).json();
    assert_eq!(read["body"], json!({"v": 1}));
}

#[test]
fn every_command_that_reads_belongs_to_the_session_that_is_named() {
    let (east, west) = parted();
    let first = west.json(&["get", "customers", "a"]).json()["revision"].clone();
    let first = first.as_str().unwrap();
    east.run(&["update", "customers", "a", r#"{"v":1}"#]).text();
    let reads = [
        &["get", "customers", "a"][..],
        &["get-many", "customers", "a"],
        &["list", "customers"],
        &["history", "customers", "a"],
        &["diff", "customers", "a", first],
        &["conflicts", "customers"],
        &["conflicts", "customers", "a"],
        &["changes", "customers"],
        &["export", "customers"],
    ];
    for (number, read) in reads.into_iter().enumerate() {
        let file = east.path().join(format!("session{number}"));
        let session = ["--session", file.to_str().unwrap()];
        // What it was told in the one datacenter is in the file, and the other is asked for no less.
        east.run(&[read, &session].concat()).text();
        let soon = [&session[..], &["--wait", "50"]].concat();
        west.json(&[read, &soon].concat()).error(1, "SESSION_BEHIND");
        let stale = west.run(&[read, &session, &["--allow-stale"]].concat());
        assert_eq!(stale.status, 0, "{read:?}");
        let said = [&stale.stdout[..], &stale.stderr].concat();
        assert!(
            said.contains("older than what the session has seen"),
            "{read:?}: {said}"
        );
        if read[0] != "export" {
            let stale = west.json(&[read, &session, &["--allow-stale"]].concat());
            assert!(stale.text().contains(r#""stale":true"#), "{read:?}: {stale:?}");
        }
    }
}

#[test]
fn what_is_not_there_may_only_not_be_there_yet_and_that_is_said() {
    let (east, west) = parted();
    let file = east.path().join("session");
    let session = ["--session", file.to_str().unwrap(), "--allow-stale"];
    east.run(&["put", "customers", "new", "{}", "--session", session[1]])
        .text();
    let note = "older than what the session has seen";
    let get = [&["get", "customers", "new"][..], &session].concat();
    let absent = west.json(&get).error(1, "DOCUMENT_NOT_FOUND");
    assert_eq!(absent["metadata"]["stale"], "true");
    let absent = west.run(&get);
    assert!(absent.stderr.contains(note), "{absent:?}");
    let many = [&["get-many", "customers", "new"][..], &session].concat();
    assert_eq!(west.json(&many).json()["stale"], json!(true));
    assert!(west.run(&many).text().contains(note));
    let ids = west.run(&[&["list", "customers", "--ids"][..], &session].concat());
    assert_eq!((ids.status, ids.stdout.as_str()), (0, "a\n"));
    assert!(ids.stderr.contains(note), "{ids:?}");
    let now = east.json(&[&["get", "customers", "absent"][..], &session].concat());
    let now = now.error(1, "DOCUMENT_NOT_FOUND");
    assert!(now["metadata"].get("stale").is_none(), "{now}");
}

#[test]
fn nothing_is_done_where_the_session_could_not_be_kept() {
    let node = Node::with_customers();
    let file = node.path().join("absent").join("session");
    let put = ["put", "customers", "a", "{}", "--session", file.to_str().unwrap()];
    let refused = node.json(&put).error(2, "USAGE");
    assert!(
        refused["message"].as_str().unwrap().contains("cannot be written"),
        "{refused}"
    );
    assert_eq!(node.run(&["get", "customers", "a"]).status, 1, "nothing was written");
}

#[test]
fn the_session_of_a_deleted_database_is_refused_with_the_name_of_its_file() {
    let node = Node::with_customers();
    let file = node.path().join("session");
    let session = ["--session", file.to_str().unwrap()];
    node.run(&[&["put", "customers", "a", "{}"][..], &session].concat())
        .text();
    node.run(&["database", "delete", "customers"]).text();
    node.create_customers();
    let refused = node.json(&[&["get", "customers", "a"][..], &session].concat());
    let refused = refused.error(1, "INVALID_SESSION");
    assert!(refused["message"].as_str().unwrap().contains(session[1]), "{refused}");
    let gone = node.json(&["get", "customers@1", "a"]).error(1, "DATABASE_NOT_FOUND");
    assert!(
        gone["message"]
            .as_str()
            .unwrap()
            .contains("nothing is left of customers@1"),
        "{gone}"
    );
}

#[test]
fn a_deletion_that_a_command_was_told_of_is_in_the_session_file() {
    let (east, west) = parted();
    east.run(&["delete", "customers", "a"]).text();
    let file = east.path().join("session");
    let session = file.to_str().unwrap();
    east.json(&["get", "customers", "a", "--session", session])
        .error(1, "DOCUMENT_NOT_FOUND");
    west.json(&["list", "customers", "--session", session, "--wait", "50"])
        .error(1, "SESSION_BEHIND");
}

#[test]
fn a_file_that_is_no_session_is_a_usage_error_and_stays_as_it_is() {
    let node = Node::with_customers();
    let file = node.file("notes", "notes\n");
    let put = ["put", "customers", "a", "{}", "--session", file.to_str().unwrap()];
    let error = node.json(&put).error(2, "USAGE");
    assert!(
        error["message"].as_str().unwrap().contains("not a session file"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "notes\n");
    assert_eq!(node.run(&["get", "customers", "a"]).status, 1, "nothing was written");
}

#[test]
fn a_command_goes_to_the_next_address_when_one_cannot_be_reached() {
    let node = Node::with_customers();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let somewhere = ["--address", &nobody, "--address", node.address()];
    let put = node.run(&[&["put", "customers", "a", "{}"][..], &somewhere].concat());
    assert!(put.text().starts_with("stored a 1-"), "{put:?}");
    let none = node.json(&["get", "customers", "a", "--address", &nobody]);
    none.error(3, "UNREACHABLE");
}

#[test]
fn a_write_says_where_it_is_durable_when_that_was_asked_for_and_is_stored_in_any_case() {
    let (east, _west) = parted();
    let ask = ["--acknowledge", "all", "--timeout", "100"];
    let put = |id: &'static str| [&["put", "customers", id, "{}"][..], &ask].concat();
    let pending = east.json(&put("b")).json();
    assert_eq!(pending["durable_in"], json!(["dc-east"]));
    assert_eq!(pending["pending_in"], json!(["dc-west"]));
    let text = east.run(&put("c"));
    assert!(
        text.text().contains("durable in dc-east; not yet in dc-west"),
        "{text:?}"
    );
    let plain = east.json(&["put", "customers", "d", "{}"]).json();
    assert_eq!(member_names(&plain), ["id", "revision", "merged"]);
    east.run(&["link", "restore", "dc-west"]).text();
    let patient = ["--acknowledge", "2", "--timeout", "30000"];
    for write in [
        &["update", "customers", "b", r#"{"stock":1}"#][..],
        &["patch", "customers", "b", r#"{"v":2}"#],
        &["edit", "customers", "b", "--increment", "/stock=2"],
        &["cas", "customers", "b", r#"{"stock":3,"v":2}"#, r#"{"stock":4}"#],
        &["delete", "customers", "b"],
    ] {
        let done = east.json(&[write, &patient].concat()).json();
        assert_eq!(done["durable_in"], json!(["dc-east", "dc-west"]), "{write:?}");
        assert_eq!(done["pending_in"], json!([]));
    }
    for wanted in ["0", "3"] {
        let refused = east.json(&["put", "customers", "e", "{}", "--acknowledge", wanted]);
        refused.error(1, "INVALID_ACKNOWLEDGE");
    }
    for usage in [
        &["--acknowledge", "both"][..],
        &["--timeout", "5"],
        &["--acknowledge", "all", "--timeout", "60001"],
    ] {
        let arguments = [&["put", "customers", "e", "{}"][..], usage].concat();
        assert_eq!(east.run(&arguments).status, 2, "{usage:?}");
    }
    assert_eq!(east.run(&["get", "customers", "e"]).status, 1, "nothing was written");
}
