//! `docs/couchdb.md` says what becomes of each call of CouchDB's API: here the calls are made.

use serde_json::json;

use crate::node::Node;

/// What a call sends.
fn body(call: &str) -> &'static str {
    match call {
        "POST /_dbs_info" => r#"{"keys":["db"]}"#,
        "PUT /db/_revs_limit" => "1000",
        call if call.ends_with("/queries") => r#"{"queries":[]}"#,
        call if call.starts_with("GET") || call.starts_with("HEAD") => "",
        _ => "{}",
    }
}

#[test]
fn each_call_of_the_table_is_answered_as_the_table_says() {
    let node = Node::start();
    node.put("/db", "");
    let design = json!({"views": {"v": {"map": "function (doc) { emit(doc._id) }"}}});
    node.put("/db/_design/d", &design.to_string());
    let table = include_str!("../../../../docs/couchdb.md");
    let mut made = 0;
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let (calls, here, how) = (cells[0], cells[1], cells[2]);
        for call in calls.split('`').skip(1).step_by(2).filter(|call| call.contains('/')) {
            let call = if call.starts_with('/') {
                format!("GET {call}")
            } else {
                call.to_owned()
            };
            let names = [
                ("{db}", "db"),
                ("{id}", "a"),
                ("{name}", "d"),
                ("{view}", "v"),
                ("{attachment}", "x"),
            ];
            let call = names.iter().fold(call, |call, (name, value)| call.replace(name, value));
            let (method, path) = call.split_once(' ').unwrap();
            // It needs the revision of what the row's other calls have made.
            if method == "DELETE" {
                continue;
            }
            let status = node.ask(method, path, &["Destination: b"], body(&call)).status;
            match here {
                "refused" => assert!(how.starts_with(&status.to_string()), "{call}: {status}"),
                "same" | "different" => assert!((200..300).contains(&status), "{call}: {status}"),
                other => panic!("{call}: {other} is none of the three words"),
            }
            made += 1;
        }
    }
    assert!(made > 40, "{made} calls were made");
}
