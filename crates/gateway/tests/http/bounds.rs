//! What is too much: refused with a reason, and nobody else is kept out.

use std::io::Read;

use serde_json::json;

use crate::node::{Node, eventually};

#[test]
fn answers_that_nobody_takes_have_a_bound_together_and_make_room_when_their_clients_go() {
    let node = Node::configured("[http]\nanswers_bytes_max = 67108864\n");
    node.put("/db", "");
    node.put("/db/a", &json!({"text": "x".repeat(6_500_000)}).to_string());
    let revision = node.get("/db/a").json()["_rev"].as_str().unwrap().to_owned();
    let keys = |count: usize| json!({ "keys": vec!["a"; count] }).to_string();
    let docs = |count: usize| json!({ "docs": vec![json!({"id": "a"}); count] }).to_string();
    let (listing, getting) = ("/db/_all_docs?include_docs=true", "/db/_bulk_get");
    let revisions = format!("/db/a?open_revs=[%22{revision}%22]");
    let one = || {
        ["/db/a", &revisions, "/api/db/a"]
            .map(|path| node.get(path).status)
            .to_vec()
    };
    let two = || vec![node.post(listing, &keys(2)).status, node.post(getting, &docs(2)).status];
    let held = |path: &str, body: &str, others: &dyn Fn() -> Vec<u16>| {
        // What was answered before is given back a moment after its client has it.
        let idle = (0..100).find_map(|_| {
            let mut client = node.ask_and_wait("POST", path, body);
            let mut status = [0; 12];
            client.read_exact(&mut status).unwrap();
            (&status == b"HTTP/1.1 200").then_some(client)
        });
        assert!(idle.is_some(), "there is no room for one");
        assert!(others().iter().all(|status| *status == 503));
        assert_eq!(node.get("/db").status, 200, "what is small is answered");
        drop(idle);
        eventually("there is room again", || others().iter().all(|status| *status == 200));
    };
    held(listing, &keys(10), &one);
    held(getting, &docs(9), &two);
}

#[test]
fn what_an_answer_only_repeats_is_left_out_where_there_is_no_room_for_it() {
    let node = Node::configured("[http]\nanswers_bytes_max = 67108864\n");
    node.put("/db", "");
    node.put("/db/a", &json!({"text": "x".repeat(6_500_000)}).to_string());
    node.put("/shop?granularity=field", "");
    let large = |letter: &str| letter.repeat(3_000_000);
    let base = node.put("/shop/b", &json!({"text": large("a")}).to_string()).json()["rev"].clone();
    node.put("/shop/b", &json!({"_rev": base, "text": large("b")}).to_string());
    let stale = json!({"_rev": base, "text": large("c")}).to_string();
    let resource =
        |id: &str| json!({"data": {"type": "shop", "id": id, "attributes": {"text": large("d")}}}).to_string();
    let refuse = || node.put("/shop/b", &stale);
    let create = |id: &str| node.ask("POST", "/api/shop", &["Content-Type: application/json"], &resource(id));
    let whole = (refuse(), create("c"));
    assert_eq!((whole.0.status, whole.1.status), (409, 201));
    assert!(whole.0.body.len() > 9_000_000 && whole.1.body.len() > 3_000_000);
    // What was answered before is given back a moment after its client has it.
    let keys = json!({ "keys": vec!["a"; 10] }).to_string();
    let idle = (0..100).find_map(|_| {
        let mut client = node.ask_and_wait("POST", "/db/_all_docs?include_docs=true", &keys);
        let mut status = [0; 12];
        client.read_exact(&mut status).unwrap();
        (&status == b"HTTP/1.1 200").then_some(client)
    });
    assert!(idle.is_some(), "there is no room for one");
    let refused = refuse();
    assert_eq!(refused.refused(), (409, "conflict".into()));
    assert!(refused.json()["conflicts"].is_null());
    let created = create("d");
    assert_eq!((created.status, created.body.as_str()), (204, ""));
    assert!(created.head.contains("location: /api/shop/d/"), "{}", created.head);
    drop(idle);
    eventually("both are told again", || refuse().json()["conflicts"].is_array());
    assert_eq!(node.get("/shop/d").json()["text"], large("d"));
}

#[test]
fn an_address_that_is_too_long_is_refused() {
    let node = Node::start();
    let query = |bytes: usize| node.get(&format!("/?q={}", "x".repeat(bytes))).status;
    assert_eq!((query(32 << 10), query(70 << 10)), (200, 414));
    assert_eq!(node.get("/").status, 200);
}

#[test]
fn requests_that_name_too_much_are_refused_as_a_whole() {
    let node = Node::start();
    node.put("/db", "");
    let revisions: Vec<String> = (1..=100_001).map(|n| format!("{n}-a")).collect();
    let diff = |count: usize| node.post("/db/_revs_diff", &json!({"a": revisions[..count]}).to_string());
    assert_eq!(diff(100_001).refused(), (413, "too_large".into()));
    assert_eq!(diff(100_000).json()["a"]["missing"].as_array().unwrap().len(), 100_000);
    let get = |count: usize| {
        let docs = vec![json!({"id": "a"}); count];
        node.post("/db/_bulk_get", &json!({ "docs": docs }).to_string())
    };
    assert_eq!(get(10_001).refused(), (413, "too_large".into()));
    assert_eq!(get(10_000).json()["results"].as_array().unwrap().len(), 10_000);
}
