//! Input that means no good: refused with a reason, and the node goes on.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::node::Node;

#[test]
fn paths_and_texts_that_play_tricks_are_refused_or_are_names() {
    let node = Node::start();
    node.put("/db", "");
    for (path, status) in [
        ("/db/%00", 400),
        ("/db/a%00b", 400),
        ("/db/%ff", 400),
        ("/db/%zz", 400),
        ("/db/%2", 400),
        ("/../../etc/passwd", 404),
        ("/db/..%2F..%2Fetc", 404),
        ("/db/_unknown", 400),
        ("/_unknown", 404),
        ("/Db", 400),
        ("/db/a/b/c", 501),
        ("/db/a?rev=x", 404),
    ] {
        let answer = node.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.json()["reason"].is_string(), "{path}");
    }
    // A slash in an id, and two dots, are letters like others.
    for id in ["a%2Fb", "..", "%C3%A5"] {
        assert_eq!(node.put(&format!("/db/{id}"), "{}").status, 201, "{id}");
        assert_eq!(node.get(&format!("/db/{id}")).status, 200, "{id}");
    }
    assert_eq!(node.get("/db/_all_docs").json()["total_rows"], 3);
}

#[test]
fn bodies_that_are_none_are_refused_and_change_nothing() {
    let node = Node::start();
    node.put("/db", "");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for (body, status, error) in [
        ("", 400, "bad_request"),
        ("{", 400, "bad_request"),
        ("[]", 400, "bad_request"),
        ("7", 400, "bad_request"),
        (deep.as_str(), 400, "bad_request"),
        (r#"{"_rev":7}"#, 400, "bad_request"),
        (r#"{"_rev":"x"}"#, 400, "bad_request"),
        (r#"{"_id":"other"}"#, 400, "bad_request"),
        (r#"{"_strange":1}"#, 400, "doc_validation"),
        (r#"{"_deleted":1}"#, 400, "doc_validation"),
        (r#"{"_attachments":{"a":{}}}"#, 501, "not_implemented"),
        (r#"{"_revisions":{"start":1,"ids":["a","b"]}}"#, 400, "doc_validation"),
    ] {
        let answer = node.put("/db/a", body);
        let shown: String = body.chars().take(40).collect();
        assert_eq!(answer.refused(), (status, error.to_owned()), "{shown}");
    }
    let invalid = b"PUT /db/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{\"a\":\"\xff\"}";
    assert_eq!(node.send(invalid).status, 400);
    for (path, body) in [
        ("/db/_bulk_docs", "{}"),
        ("/db/_bulk_docs", r#"{"docs":7}"#),
        ("/db/_bulk_get", "[]"),
        ("/db/_revs_diff", "7"),
        ("/_replicate", "{}"),
        ("/_replicate", r#"{"source":"file:///etc/passwd","target":"db"}"#),
        ("/api/receivers/db/entities", r#"[{"n":1}]"#),
    ] {
        assert_eq!(node.post(path, body).status, 400, "{path} {body}");
    }
    assert_eq!(node.get("/db/_all_docs").json()["total_rows"], 0);
}

#[test]
fn what_is_too_large_is_refused_and_the_node_goes_on() {
    let node = Node::start();
    node.put("/db", "");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(9 << 20));
    assert_eq!(node.put("/db/a", &large).status, 413);
    assert_eq!(node.post("/db/_bulk_docs", &"x".repeat(17 << 20)).status, 413);
    let many = json!({"docs": vec![json!({}); 10_001]}).to_string();
    assert_eq!(node.post("/db/_bulk_docs", &many).status, 413);
    let header = format!("X: {}", "x".repeat(100 << 10));
    assert_eq!(node.ask("GET", "/", &[&header], "").status, 431);
    let headers: Vec<String> = (0..200).map(|n| format!("X{n}: x")).collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    assert_eq!(node.ask("GET", "/", &headers, "").status, 431);
    let ids: Vec<String> = (0..100_001).map(|n| n.to_string()).collect();
    assert_eq!(
        node.post("/db/_all_docs", &json!({ "keys": ids }).to_string()).status,
        413
    );
    assert_eq!(node.get("/").status, 200);
}

#[test]
fn a_method_or_a_content_type_that_a_resource_does_not_take_is_named() {
    let node = Node::start();
    node.put("/db", "");
    for (method, path) in [
        ("POST", "/"),
        ("DELETE", "/_all_dbs"),
        ("PUT", "/db/_changes"),
        ("PATCH", "/db/a"),
    ] {
        assert_eq!(
            node.ask(method, path, &[], "").refused(),
            (405, "method_not_allowed".into()),
            "{method} {path}"
        );
    }
    // What a form on a page of another site can send.
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"] {
        let answer = node.ask(
            "POST",
            "/db/_bulk_docs",
            &[&format!("Content-Type: {kind}")],
            r#"{"docs":[]}"#,
        );
        assert_eq!(answer.refused(), (415, "bad_content_type".into()), "{kind}");
    }
}

#[test]
fn pages_of_other_sites_read_nothing_unless_they_are_named() {
    let node = Node::start();
    let origin = "Origin: https://example.org";
    let allowed = "access-control-allow-origin";
    assert!(!node.ask("GET", "/", &[origin], "").head.contains(allowed));
    assert_eq!(node.ask("OPTIONS", "/", &[origin], "").status, 405);
    let node = Node::configured("[http]\ncors_origins = [\"https://example.org\"]\n");
    let answer = node.ask("GET", "/", &[origin], "");
    assert!(
        answer.head.contains("access-control-allow-origin: https://example.org"),
        "{answer:?}"
    );
    assert!(
        !node
            .ask("GET", "/", &["Origin: https://other.org"], "")
            .head
            .contains(allowed)
    );
    let asked = node.ask("OPTIONS", "/db", &[origin], "");
    assert!(
        asked.status == 204 && asked.head.contains("access-control-allow-methods"),
        "{asked:?}"
    );
}

#[test]
fn pages_of_other_sites_write_nothing_unless_they_are_named() {
    let node = Node::configured("[http]\ncors_origins = [\"https://example.org\"]\n");
    node.put("/db", "");
    let write = |origin: &str| {
        // As a page's `fetch` sends it without asking first: no content type.
        node.ask(
            "POST",
            "/db/_bulk_docs",
            &[&format!("Origin: {origin}")],
            r#"{"docs":[{"_id":"a"}]}"#,
        )
    };
    for foreign in [
        "https://other.org",
        "null",
        "http://127.0.0.1",
        "https://example.org.evil.org",
    ] {
        assert_eq!(write(foreign).refused(), (403, "forbidden".into()), "{foreign}");
    }
    assert_eq!(node.get("/db").json()["doc_count"], 0);
    let foreign = ["Origin: https://other.org"];
    assert_eq!(node.ask("DELETE", "/db", &foreign, "").status, 403);
    assert_eq!(
        node.ask("GET", "/db", &foreign, "").status,
        200,
        "a browser shows it to nobody"
    );
    assert_eq!(write("https://example.org").status, 201);
    assert_eq!(write(&format!("http://{}", node.host())).status, 201, "its own page");
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out() {
    let node = Node::start();
    let port = node.host();
    let silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&port).unwrap()).collect();
    let mut halves: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(&port).unwrap()).collect();
    for half in &mut halves {
        half.write_all(b"PUT /db/a HTTP/1.1\r\nHost: x\r\nContent-Le").unwrap();
    }
    assert_eq!(node.get("/").status, 200);
    assert_eq!(node.put("/db", "").status, 201);
    drop((silent, halves));
}

#[test]
fn bodies_that_arrive_have_a_bound_together_and_make_room_when_their_clients_go() {
    let node = Node::configured("[http]\nbodies_bytes_max = 16777216\n");
    node.put("/db", "");
    let body = format!("{{\"docs\":[]{}}}", " ".repeat(8 << 20));
    let ask = || node.post("/db/_bulk_docs", &body).status;
    assert_eq!(ask(), 201);
    // It announces more than it sends; what has not come takes no room.
    let announced = || {
        let mut slow = TcpStream::connect(node.host()).unwrap();
        let head = "POST /db/_bulk_docs HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n";
        slow.write_all(head.as_bytes()).unwrap();
        slow
    };
    let silent = announced();
    assert_eq!(ask(), 201);
    // Of two that have no room together the one that comes last is refused: that is the slow one where it was not read yet when we asked.
    let slow = (0..50).find_map(|_| {
        let mut slow = announced();
        slow.write_all(&[b' '; 12 << 20]).unwrap();
        // The node reads on while it answers others.
        (0..5).for_each(|_| assert_eq!(node.get("/").status, 200));
        (ask() == 503).then_some(slow)
    });
    assert_eq!(node.put("/db/a", "{}").status, 201, "what is small has room");
    drop((silent, slow.expect("one of fifty keeps others out")));
    let until = Instant::now() + Duration::from_secs(30);
    while ask() != 201 {
        assert!(Instant::now() < until, "the room of one that is gone stays taken");
    }
}

#[test]
fn answers_that_a_short_request_makes_large_are_refused() {
    let node = Node::start();
    node.put("/db", "");
    node.put("/db/a", &json!({"text": "x".repeat(7 << 20)}).to_string());
    let keys = json!({ "keys": vec!["a"; 20] }).to_string();
    assert_eq!(node.post("/db/_all_docs?include_docs=true", &keys).status, 413);
    assert_eq!(node.post("/db/_all_docs", &keys).status, 200);
    let rev = node.get("/db/a").json()["_rev"].as_str().unwrap().to_owned();
    let revisions = json!(vec![rev; 500]).to_string().replace('"', "%22");
    let answer = node.ask(
        "GET",
        &format!("/db/a?open_revs={revisions}"),
        &["Accept: application/json"],
        "",
    );
    assert_eq!(answer.json().as_array().unwrap().len(), 1, "one revision is told once");
    let leaves = format!("{{\"docs\":[{{}}],\"x\":[{}0]}}", "0,".repeat(1_000_001));
    assert_eq!(node.post("/db/_bulk_docs", &leaves).status, 400);
}

#[test]
fn what_is_not_served_says_so() {
    let node = Node::start();
    node.put("/db", "");
    for (method, path, body) in [
        ("POST", "/db/_find", "{}"),
        ("PUT", "/db/a/picture.png", "x"),
        ("POST", "/db/_purge", "{}"),
        (
            "POST",
            "/_replicate",
            r#"{"source":"db","target":"db","doc_ids":["a"]}"#,
        ),
        (
            "POST",
            "/_replicate",
            r#"{"source":"db","target":{"url":"http://127.0.0.1:1/x","auth":{}}}"#,
        ),
    ] {
        let answer = node.ask(method, path, &[], body);
        assert_eq!(answer.refused(), (501, "not_implemented".into()), "{method} {path}");
    }
    for asked in ["?descending=true", "?filter=f", "?doc_ids=a"] {
        assert_eq!(node.get(&format!("/db/_changes{asked}")).status, 400, "{asked}");
    }
    assert_eq!(node.post("/db/_changes", r#"{"doc_ids":["a"]}"#).status, 400);
    node.put("/db/a", "{}");
    node.put("/db/b", "{}");
    assert_eq!(
        node.get("/db/_changes?limit=1").json().get("pending"),
        None,
        "one is left"
    );
    assert_eq!(node.get("/db/_changes").json()["pending"], 0);
}
