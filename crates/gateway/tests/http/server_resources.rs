//! What CouchDB's API reference has beside documents: of the server, of a database, of a design document.

use serde_json::{Value, json};

use crate::node::{Answer, Node, eventually};

/// A header's value.
fn header(answer: &Answer, name: &str) -> Option<String> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.to_owned())
}

fn keys(answer: &Value) -> Vec<&str> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| row["key"].as_str().unwrap()).collect()
}

#[test]
fn ids_are_given_as_many_as_are_asked_for() {
    let node = Node::start();
    let one = node.get("/_uuids");
    assert_eq!(one.json()["uuids"].as_array().unwrap().len(), 1);
    assert_eq!(
        header(&one, "cache-control").as_deref(),
        Some("must-revalidate, no-cache")
    );
    let several = node.get("/_uuids?count=10").json();
    let several: std::collections::BTreeSet<&str> = several["uuids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    assert_eq!(several.len(), 10, "none is given twice");
    assert!(several.iter().all(|id| id.len() == 32));
    assert_eq!(node.get("/_uuids?count=1001").refused(), (400, "bad_request".into()));
    assert_eq!(node.get("/_uuids?count=x").refused(), (400, "bad_request".into()));
    assert_eq!(node.post("/_uuids", "").refused(), (405, "method_not_allowed".into()));
}

#[test]
fn databases_are_listed_in_ranges_and_told_of_several_at_once() {
    let node = Node::start();
    for name in ["a", "b", "c"] {
        node.put(&format!("/{name}"), "");
    }
    node.put("/a/x", "{}");
    for (query, expected) in [
        ("", json!(["a", "b", "c"])),
        ("?startkey=%22b%22", json!(["b", "c"])),
        ("?endkey=%22b%22", json!(["a", "b"])),
        ("?endkey=%22b%22&inclusive_end=false", json!(["a"])),
        ("?descending=true&limit=2", json!(["c", "b"])),
        ("?descending=true&startkey=%22b%22", json!(["b", "a"])),
        ("?skip=1&limit=1", json!(["b"])),
    ] {
        assert_eq!(node.get(&format!("/_all_dbs{query}")).json(), expected, "{query}");
    }
    let told = node.post("/_dbs_info", r#"{"keys":["a","none"]}"#).json();
    assert_eq!(
        (&told[0]["key"], &told[0]["info"]["doc_count"]),
        (&json!("a"), &json!(1))
    );
    assert_eq!(told[1], json!({"key": "none", "error": "not_found"}));
    let all = node.get("/_dbs_info?limit=2").json();
    assert_eq!((all.as_array().unwrap().len(), &all[1]["key"]), (2, &json!("b")));
    let refused = node.post("/_dbs_info", "{}");
    assert_eq!(refused.refused(), (400, "bad_request".into()));
    assert_eq!(refused.json()["reason"], "`keys` member must exist.");
    let many: Vec<String> = (0..101).map(|n| format!("d{n}")).collect();
    assert_eq!(
        node.post("/_dbs_info", &json!({ "keys": many }).to_string()).status,
        400
    );
    assert_eq!(node.get("/_active_tasks").json(), json!([]));
}

#[test]
fn a_database_tells_what_typed_clients_read() {
    let node = Node::start();
    node.put("/db", "");
    node.put("/db/a", "{}");
    let rev = node.put("/db/b", "{}").json()["rev"].as_str().unwrap().to_owned();
    node.delete(&format!("/db/b?rev={rev}"));
    let info = node.get("/db").json();
    assert_eq!((&info["doc_count"], &info["doc_del_count"]), (&json!(1), &json!(1)));
    let sequence = info["update_seq"].as_str().unwrap();
    let (number, log) = sequence.split_once('-').unwrap();
    assert!(number.parse::<u64>().unwrap() >= 3 && !log.is_empty(), "{sequence}");
    assert_eq!(info["purge_seq"], "0");
    assert_eq!(info["instance_start_time"], "0");
    assert_eq!((&info["props"], &info["compact_running"]), (&json!({}), &json!(false)));
    for member in ["file", "external", "active"] {
        assert!(info["sizes"][member].is_u64(), "{info}");
    }
    for member in ["q", "n", "w", "r"] {
        assert_eq!(info["cluster"][member], 1, "{info}");
    }
    let head = node.ask("HEAD", "/db", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(node.ask("HEAD", "/none", &[], "").status, 404);
    let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
    assert_eq!(length, node.get("/db").body.len(), "it is that of the answer to a GET");
}

#[test]
fn an_answer_is_json_whatever_the_client_says_that_it_takes() {
    let node = Node::start();
    for accept in ["Accept: */*", "Accept: application/json", "Accept: text/html", "X: y"] {
        let answer = node.ask("GET", "/", &[accept], "");
        assert_eq!(
            header(&answer, "content-type").as_deref(),
            Some("application/json"),
            "{accept}"
        );
    }
}

#[test]
fn a_batched_write_is_answered_without_a_revision_and_is_there() {
    let node = Node::start();
    node.put("/db", "");
    let posted = node.post("/db?batch=ok", r#"{"_id":"a","n":1}"#);
    assert_eq!((posted.status, posted.json()), (202, json!({"ok": true, "id": "a"})));
    assert_eq!(header(&posted, "location").as_deref(), Some("/db/a"));
    let put = node.put("/db/b?batch=ok", r#"{"n":2}"#);
    assert_eq!((put.status, put.json()), (202, json!({"ok": true, "id": "b"})));
    assert_eq!(node.get("/db/a").json()["n"], 1);
    assert_eq!(node.get("/db/b").json()["n"], 2);
    assert_eq!(
        node.put("/db/b?batch=ok", "{}").status,
        409,
        "what is refused is not kept quiet"
    );
}

#[test]
fn a_document_is_copied_to_another_id_or_over_a_revision_that_is_named() {
    let node = Node::start();
    node.put("/db", "");
    let first = node.put("/db/a", r#"{"n":1}"#).json()["rev"]
        .as_str()
        .unwrap()
        .to_owned();
    node.put("/db/a", &json!({"_rev": first, "n": 2}).to_string());
    let copy = |path: &str, destination: &str| node.ask("COPY", path, &[destination], "");
    let copied = copy("/db/a", "Destination: b");
    assert_eq!((copied.status, &copied.json()["id"]), (201, &json!("b")));
    assert_eq!(header(&copied, "location").as_deref(), Some("/db/b"));
    assert_eq!(node.get("/db/b").json()["n"], 2);
    let rev = copied.json()["rev"].as_str().unwrap().to_owned();
    assert_eq!(header(&copied, "etag"), Some(format!("\"{rev}\"")));
    assert_eq!(copy("/db/a", "Destination: b").refused(), (409, "conflict".into()));
    let older = copy(&format!("/db/a?rev={first}"), &format!("Destination: b?rev={rev}"));
    assert_eq!(older.status, 201, "{older:?}");
    assert_eq!(node.get("/db/b").json()["n"], 1);
    assert_eq!(copy("/db/none", "Destination: c").refused(), (404, "not_found".into()));
    assert_eq!(copy("/db/a", "X: y").refused(), (400, "bad_request".into()));
    assert_eq!(
        copy("/db/a", "Destination: http://example.org/db/c").refused(),
        (400, "bad_request".into())
    );
    assert_eq!(copy("/db/a", "Destination: _design%2Fd").status, 201);
    assert_eq!(node.get("/db/_design/d").json()["n"], 2);
}

#[test]
fn a_client_that_has_a_document_or_a_list_already_is_not_sent_it_again() {
    let node = Node::start();
    node.put("/db", "");
    let map = json!({"views": {"v": {"map": "function (doc) { emit(doc.n) }"}}});
    node.put("/db/_design/d", &map.to_string());
    let rev = node.put("/db/a", r#"{"n":1}"#).json()["rev"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in [
        "/db/a",
        "/db/_all_docs",
        "/db/_all_docs?limit=1",
        "/db/_design/d/_view/v",
        "/db/_design_docs",
    ] {
        let tag = header(&node.get(path), "etag").unwrap_or_else(|| panic!("{path} has a tag"));
        let known = format!("If-None-Match: \"x\", {tag}");
        let again = node.ask("GET", path, &[&known], "");
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(header(&again, "etag"), Some(tag), "{path}");
        assert_eq!(
            node.ask("GET", path, &["If-None-Match: \"x\""], "").status,
            200,
            "{path}"
        );
    }
    assert_eq!(header(&node.get("/db/a"), "etag"), Some(format!("\"{rev}\"")));
    let told = node.get("/db/a?conflicts=true");
    assert_eq!(header(&told, "etag"), None, "its conflicts may change");
    let before = header(&node.get("/db/_design/d/_view/v"), "etag").unwrap();
    node.put("/db/b", r#"{"n":2}"#);
    let after = node.ask(
        "GET",
        "/db/_design/d/_view/v",
        &[&format!("If-None-Match: {before}")],
        "",
    );
    assert_eq!((after.status, after.json()["total_rows"].clone()), (200, json!(2)));
    let other = header(&node.get("/db/_design/d/_view/v?limit=1"), "etag").unwrap();
    assert_ne!(
        Some(other),
        header(&after, "etag"),
        "another question has another answer"
    );
    // `If-Match` takes the place of `rev`.
    let matched = node.ask("PUT", "/db/a", &[&format!("If-Match: \"{rev}\"")], r#"{"n":3}"#);
    assert_eq!(matched.status, 201, "{matched:?}");
    assert_eq!(
        node.ask("PUT", "/db/a", &[&format!("If-Match: \"{rev}\"")], "{}")
            .status,
        409
    );
}

#[test]
fn design_documents_and_those_that_stay_here_have_lists_of_their_own() {
    let node = Node::start();
    node.put("/db", "");
    for id in ["a", "_design/x", "_design/y", "z", "_local/p", "_local/q"] {
        assert_eq!(node.put(&format!("/db/{id}"), r#"{"n":1}"#).status, 201, "{id}");
    }
    let designs = node.get("/db/_design_docs").json();
    assert_eq!(
        (keys(&designs), &designs["total_rows"]),
        (vec!["_design/x", "_design/y"], &json!(2))
    );
    let last = node
        .get("/db/_design_docs?descending=true&limit=1&include_docs=true")
        .json();
    assert_eq!(
        (keys(&last), &last["rows"][0]["doc"]["n"]),
        (vec!["_design/y"], &json!(1))
    );
    let named = node.post("/db/_design_docs", r#"{"keys":["_design/y","a"]}"#).json();
    assert_eq!(named["rows"][1], json!({"key": "a", "error": "not_found"}));
    let local = node.get("/db/_local_docs").json();
    assert_eq!(keys(&local), ["_local/p", "_local/q"]);
    assert_eq!(
        (&local["total_rows"], &local["rows"][0]["value"]["rev"]),
        (&json!(null), &json!("0-1"))
    );
    let some = node
        .get("/db/_local_docs?startkey=%22_local/q%22&include_docs=true")
        .json();
    assert_eq!(
        some["rows"][0]["doc"],
        json!({"_id": "_local/q", "_rev": "0-1", "n": 1})
    );
    let keyed = node
        .post("/db/_local_docs", r#"{"keys":["_local/q","_local/none"]}"#)
        .json();
    assert_eq!(keys(&keyed), ["_local/q"]);
    node.put("/db/_security", "{}");
    assert_eq!(
        keys(&node.get("/db/_local_docs").json()).len(),
        2,
        "the node's own is not told"
    );
}

#[test]
fn several_questions_are_answered_at_once_in_their_order() {
    let node = Node::start();
    node.put("/db", "");
    let map = json!({"views": {"v": {"map": "function (doc) { emit(doc.n, 1) }", "reduce": "_sum"}}});
    node.put("/db/_design/d", &map.to_string());
    for (id, n) in [("a", 1), ("b", 2), ("c", 3)] {
        node.put(&format!("/db/{id}"), &json!({ "n": n }).to_string());
    }
    let asked =
        json!({"queries": [{"keys": ["c", "none"]}, {"limit": 1, "skip": 1}, {"startkey": "b", "descending": true}]});
    let told = node.post("/db/_all_docs/queries", &asked.to_string()).json();
    assert_eq!(told["results"].as_array().unwrap().len(), 3);
    assert_eq!(keys(&told["results"][0]), ["c", "none"]);
    assert_eq!(keys(&told["results"][1]), ["a"]);
    assert_eq!(keys(&told["results"][2]), ["b", "a", "_design/d"]);
    let asked = json!({"queries": [{"reduce": false, "key": 2}, {"group": true, "limit": 1}, {}]});
    let told = node.post("/db/_design/d/_view/v/queries", &asked.to_string()).json();
    assert_eq!(told["results"][0]["rows"], json!([{"id": "b", "key": 2, "value": 1}]));
    assert_eq!(told["results"][1]["rows"], json!([{"key": 1, "value": 1}]));
    assert_eq!(told["results"][2]["rows"], json!([{"key": null, "value": 3}]));
    for path in [
        "/db/_all_docs/queries",
        "/db/_design_docs/queries",
        "/db/_design/d/_view/v/queries",
    ] {
        assert_eq!(node.post(path, "{}").refused(), (400, "bad_request".into()), "{path}");
        assert_eq!(node.post(path, r#"{"queries":[1]}"#).status, 400, "{path}");
        assert_eq!(
            node.post(path, r#"{"queries":[]}"#).json()["results"],
            json!([]),
            "{path}"
        );
    }
    let sequence = node.get("/db").json()["update_seq"].clone();
    assert_eq!(node.get("/db/_all_docs?update_seq=true").json()["update_seq"], sequence);
    assert_eq!(
        node.get("/db/_design/d/_view/v?update_seq=true").json()["update_seq"],
        sequence
    );
}

#[test]
fn a_list_with_documents_tells_their_conflicts() {
    let node = Node::start();
    node.put("/db", "");
    let docs = json!({"new_edits": false, "docs": [{"_id": "a", "_rev": "1-aa"}, {"_id": "a", "_rev": "1-bb"}]});
    node.post("/db/_bulk_docs", &docs.to_string());
    let listed = node.get("/db/_all_docs?include_docs=true&conflicts=true").json();
    assert_eq!(listed["rows"][0]["doc"]["_conflicts"], json!(["1-aa"]));
    let listed = node.get("/db/_all_docs?include_docs=true").json();
    assert_eq!(listed["rows"][0]["doc"].get("_conflicts"), None);
    let told = node.get("/db/a?revs_info=true").json();
    assert_eq!(told["_revs_info"], json!([{"rev": "1-bb", "status": "available"}]));
}

#[test]
fn what_a_revision_grew_from_is_told_with_what_is_left_of_it() {
    let node = Node::start();
    node.put("/db", "");
    let brought = json!({"new_edits": false, "docs": [
        {"_id": "a", "_rev": "2-bb", "_revisions": {"start": 2, "ids": ["bb", "aa"]}},
    ]});
    node.post("/db/_bulk_docs", &brought.to_string());
    let third = node.put("/db/a", r#"{"_rev":"2-bb","n":3}"#).json()["rev"].clone();
    assert_eq!(
        node.get("/db/a?revs_info=true").json()["_revs_info"],
        json!([
            {"rev": third, "status": "available"},
            {"rev": "2-bb", "status": "available"},
            {"rev": "1-aa", "status": "missing"},
        ])
    );
}

#[test]
fn administrators_find_what_they_ask_for_or_why_not() {
    let node = Node::start();
    node.put("/db", "");
    node.put("/db/_design/d", r#"{"views":{}}"#);
    node.put("/db/a", "{}");
    let missing = node.post(
        "/db/_missing_revs",
        r#"{"a":["1-967a00dff5e02add41819138abb3284d","2-bb"]}"#,
    );
    assert_eq!(missing.json(), json!({"missing_revs": {"a": ["2-bb"]}}));
    assert_eq!(node.get("/db/_revs_limit").body, "1000\n");
    assert_eq!(node.put("/db/_revs_limit", "1000").json(), json!({"ok": true}));
    assert_eq!(
        node.put("/db/_revs_limit", "5").refused(),
        (501, "not_implemented".into())
    );
    assert_eq!(node.put("/db/_revs_limit", "0").refused(), (400, "bad_request".into()));
    for path in ["/db/_compact", "/db/_compact/d", "/db/_view_cleanup"] {
        let begun = node.post(path, "");
        assert_eq!((begun.status, begun.json()), (202, json!({"ok": true})), "{path}");
    }
    assert_eq!(node.post("/db/_compact/none", "").refused(), (404, "not_found".into()));
    assert_eq!(
        node.ask("POST", "/db/_compact", &["Content-Type: text/plain"], "")
            .status,
        415
    );
    eventually("the compaction ends", || node.get("/_active_tasks").json() == json!([]));
    let committed = node.post("/db/_ensure_full_commit", "");
    assert_eq!((committed.status, &committed.json()["ok"]), (201, &json!(true)));
    for (method, path) in [
        ("POST", "/db/_purge"),
        ("GET", "/db/_purged_infos"),
        ("GET", "/db/_purged_infos_limit"),
        ("PUT", "/db/_purged_infos_limit"),
    ] {
        let refused = node.ask(method, path, &[], r#"{"a":["1-a"]}"#);
        assert_eq!(refused.refused(), (501, "not_implemented".into()), "{path}");
    }
    assert!(
        node.post("/db/_purge", "{}").json()["reason"]
            .as_str()
            .unwrap()
            .contains("reverted")
    );
    assert_eq!(node.get("/none/_revs_limit").refused(), (404, "not_found".into()));
}

#[test]
fn who_is_responsible_for_a_database_is_kept_at_its_node() {
    let (east, west) = Node::pair();
    east.put("/db", "");
    assert_eq!(east.get("/db/_security").json(), json!({}));
    let security = json!({"admins": {"names": ["a"], "roles": []}, "members": {"names": [], "roles": ["r"]}, "x": 1});
    assert_eq!(
        east.put("/db/_security", &security.to_string()).json(),
        json!({"ok": true})
    );
    assert_eq!(east.get("/db/_security").json(), security);
    let other = json!({"members": {"roles": []}});
    assert_eq!(east.put("/db/_security", &other.to_string()).status, 200);
    assert_eq!(east.get("/db/_security").json(), other);
    for wrong in [
        "[]",
        r#"{"admins":[]}"#,
        r#"{"admins":{"names":"a"}}"#,
        r#"{"members":{"roles":[1]}}"#,
    ] {
        assert_eq!(
            east.put("/db/_security", wrong).refused(),
            (400, "bad_request".into()),
            "{wrong}"
        );
    }
    east.put("/db/a", "{}");
    eventually("the document is in west", || west.get("/db/a").status == 200);
    assert_eq!(west.get("/db/_security").json(), json!({}));
}

#[test]
fn a_design_document_tells_how_far_its_index_is() {
    let node = Node::start();
    node.put("/db", "");
    let map = json!({"views": {"v": {"map": "function (doc) { emit(doc.n) }"}}});
    node.put("/db/_design/d", &map.to_string());
    node.put("/db/a", "{}");
    let info = || node.get("/db/_design/d/_info").json();
    let before = info();
    assert_eq!(before["name"], "d");
    assert_eq!(before["view_index"]["language"], "javascript");
    assert_eq!(before["view_index"]["signature"].as_str().unwrap().len(), 32);
    assert_eq!(before["view_index"]["updates_pending"]["total"], 2);
    assert_eq!(before["view_index"]["update_seq"], 0);
    node.get("/db/_design/d/_view/v");
    let after = info();
    assert_eq!(after["view_index"]["updates_pending"]["total"], 0);
    assert_eq!(after["view_index"]["signature"], before["view_index"]["signature"]);
    assert_eq!(node.get("/db/_design/none/_info").refused(), (404, "not_found".into()));
}
