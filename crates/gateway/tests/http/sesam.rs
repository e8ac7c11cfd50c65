//! Updates that merge, and what their refusals tell.

use std::thread;

use serde_json::{Map, Value, json};

use crate::node::Node;

fn revision(node: &Node, id: &str) -> String {
    node.get(&format!("/shop/{id}")).json()["_rev"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn each_of_seven_refused_writers_learns_what_was_there_what_is_and_what_it_sent() {
    let node = Node::start();
    node.put("/shop?granularity=field", "");
    node.put("/shop/a", r#"{"n":0,"m":0}"#);
    let base = revision(&node, "a");
    let answers: Vec<_> = thread::scope(|scope| {
        let write = |n: usize| node.put("/shop/a", &json!({"_rev": base, "n": n + 1, "m": 0}).to_string());
        let writers: Vec<_> = (0..8).map(|n| scope.spawn(move || write(n))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let won = answers.iter().position(|answer| answer.status == 201).unwrap();
    let stored = node.get("/shop/a").json();
    assert_eq!(stored["n"], won + 1);
    for (writer, answer) in answers.iter().enumerate().filter(|(writer, _)| *writer != won) {
        let told = answer.json();
        assert_eq!(
            (answer.status, &told["error"], &told["reason"]),
            (409, &json!("conflict"), &json!("Document update conflict."))
        );
        assert_eq!(
            told["message"],
            "Sorry, there has been a conflict. Can't perform automatic merge."
        );
        let expected = json!([{"_key": "n", "base_value": 0, "our_value": won + 1, "your_value": writer + 1}]);
        assert_eq!(told["conflicts"], expected);
        assert_eq!(told["ours"], stored);
        assert_eq!(
            told["base"],
            json!({"_id": "a", "_rev": base, "_updated": 0, "n": 0, "m": 0})
        );
        let yours = json!({"_id": "a", "_rev": base, "_updated": 0, "n": writer + 1, "m": 0});
        assert_eq!(told["yours"], yours);
    }
}

#[test]
fn what_is_below_the_members_of_a_document_is_named_by_a_pointer() {
    let node = Node::start();
    node.put("/shop?granularity=field", "");
    node.put("/shop/a", r#"{"address":{"town":"Oslo","a/b":1}}"#);
    let base = revision(&node, "a");
    let write = |town: &str, other: u64| {
        let body = json!({"_rev": base, "address": {"town": town, "a/b": other}});
        node.put("/shop/a", &body.to_string())
    };
    assert_eq!(write("Bergen", 2).status, 201);
    let conflicts = write("Tromsø", 3).json()["conflicts"].clone();
    assert_eq!(
        conflicts,
        json!([
            {"_key": "/address/a~1b", "base_value": 1, "our_value": 2, "your_value": 3},
            {"_key": "/address/town", "base_value": "Oslo", "our_value": "Bergen", "your_value": "Tromsø"},
        ])
    );
}

#[test]
fn a_revision_says_what_was_read_whatever_is_counted_beside_it() {
    let node = Node::start();
    node.put("/shop?granularity=field", "");
    node.put("/shop/a", r#"{"n":0}"#);
    let first = revision(&node, "a");
    let write = |rev: &str, updated: u64, n: u64| {
        let body = json!({"_rev": rev, "_updated": updated, "n": n});
        node.put("/shop/a", &body.to_string()).status
    };
    assert_eq!(write(&first, 7, 1), 201, "there was no such count");
    let second = revision(&node, "a");
    assert_eq!(write(&first, 1, 2), 409, "the count is the current one");
    assert_eq!(write(&second, 0, 2), 201, "the count is an old one");
    assert_eq!(node.get("/shop/a").json()["n"], 2);
}

#[test]
fn the_settings_say_which_databases_merge_and_a_request_says_otherwise() {
    let node = Node::configured("[http]\ngranularity = \"field\"\n");
    node.put("/merging", "");
    node.put("/whole?granularity=document", "");
    let granularity = |name: &str| node.get(&format!("/{name}")).json()["granularity"].clone();
    assert_eq!(
        (granularity("merging"), granularity("whole")),
        (json!("field"), json!("document"))
    );
    let merges = |name: &str| {
        let rev = node.put(&format!("/{name}/a"), r#"{"n":0,"m":0}"#).json()["rev"].clone();
        let write = |n: u64, m: u64| {
            let body: Map<String, Value> = [
                ("_rev".into(), rev.clone()),
                ("n".into(), json!(n)),
                ("m".into(), json!(m)),
            ]
            .into_iter()
            .collect();
            node.put(&format!("/{name}/a"), &Value::Object(body).to_string()).status
        };
        (write(1, 0), write(0, 1))
    };
    assert_eq!((merges("merging"), merges("whole")), ((201, 201), (201, 409)));
}

#[test]
fn members_that_sesam_knows_are_none_of_couchdbs() {
    let node = Node::start();
    node.put("/shop?granularity=field", "");
    node.put("/db", "");
    for name in ["_updated", "_hash", "_previous", "_ts"] {
        let body = json!({ name: 0, "n": 1 }).to_string();
        assert_eq!(
            node.put(&format!("/db/{name}"), &body).status,
            400,
            "{name} is no id either"
        );
        let refused = node.put("/db/a", &body).refused();
        assert_eq!(refused, (400, "doc_validation".into()), "{name}");
        let rows = node.post("/db/_bulk_docs", &format!("{{\"docs\":[{body}]}}")).json();
        assert_eq!(rows[0]["error"], "doc_validation", "{name}");
    }
    assert_eq!(node.get("/db").json()["doc_count"], 0);
    let entity = r#"[{"_id":"a","_updated":4,"_hash":"x","_previous":2,"_ts":9,"n":1}]"#;
    assert_eq!(node.post("/api/receivers/shop/entities", entity).status, 200);
    let replicated = json!({"source": "shop", "target": "copy", "create_target": true}).to_string();
    assert_eq!(
        node.post("/_replicate", &replicated).json()["history"][0]["docs_written"],
        1
    );
    assert_eq!(
        node.get("/copy/a").json()["n"],
        1,
        "what is brought elsewhere has no count"
    );
}
