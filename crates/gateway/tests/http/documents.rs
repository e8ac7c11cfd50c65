//! Documents: one by one and many at once.

use std::thread;

use serde_json::{Value, json};

use crate::node::Node;

fn revision(answer: &crate::node::Answer) -> String {
    answer.json()["rev"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .to_owned()
}

#[test]
fn a_document_that_is_absent_deleted_or_stale_is_refused_in_couchdbs_words() {
    let node = Node::start();
    assert_eq!(node.get("/db/a").refused(), (404, "not_found".into()));
    assert_eq!(node.get("/db/a").json()["reason"], "Database does not exist.");
    assert_eq!(node.put("/db", "").status, 201);
    assert_eq!(node.put("/db", "").refused(), (412, "file_exists".into()));
    assert_eq!(node.get("/db/a").json()["reason"], "missing");
    let first = revision(&node.put("/db/a", r#"{"n":1}"#));
    assert_eq!(node.put("/db/a", "{}").refused(), (409, "conflict".into()));
    let second = revision(&node.put(&format!("/db/a?rev={first}"), r#"{"n":2}"#));
    assert_eq!(
        node.put("/db/a", &json!({"_rev": first}).to_string()).refused(),
        (409, "conflict".into())
    );
    assert_eq!(node.delete("/db/a").refused(), (409, "conflict".into()));
    let third = revision(&node.delete(&format!("/db/a?rev={second}")));
    assert!(third.starts_with("3-"));
    assert_eq!(node.get("/db/a").json()["reason"], "deleted");
    assert_eq!(
        node.get(&format!("/db/a?rev={third}")).json(),
        json!({"_id": "a", "_rev": third, "_deleted": true})
    );
    // A deleted document is written anew without a revision.
    assert!(revision(&node.put("/db/a", r#"{"n":3}"#)).starts_with("4-"));
    let history = node.get("/db/a?revs=true").json();
    assert_eq!(history["_revisions"]["start"], 4);
    assert_eq!(history["_revisions"]["ids"].as_array().unwrap().len(), 4);
    assert_eq!(node.delete("/db").status, 200);
    assert_eq!(node.get("/db").status, 404);
}

#[test]
fn of_several_documents_of_one_request_each_is_stored_or_refused_for_itself() {
    let node = Node::start();
    node.put("/db", "");
    let first = revision(&node.put("/db/a", "{}"));
    let sent = json!({"docs": [
        {"_id": "a", "_rev": first, "n": 1},
        {"_id": "a", "n": 2},
        {"_id": "b"},
        {"_id": "_c"},
        {"_id": "d", "_strange": 1},
        {"n": 3},
    ]});
    let answer = node.post("/db/_bulk_docs", &sent.to_string());
    assert_eq!(answer.status, 201);
    let rows = answer.json();
    let errors: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["error"]).collect();
    let refused = |error: &str| json!(error);
    assert_eq!(
        errors,
        [
            &Value::Null,
            &refused("conflict"),
            &Value::Null,
            &refused("illegal_docid"),
            &refused("doc_validation"),
            &Value::Null
        ]
    );
    assert_eq!(rows[5]["id"].as_str().unwrap().len(), 32, "it has an id of its own");
    assert_eq!(node.get("/db/a").json()["n"], 1);
    assert_eq!(node.get("/db").json()["doc_count"], 3);
}

#[test]
fn a_replicator_learns_what_is_missing_brings_it_and_finds_it() {
    let node = Node::start();
    node.put("/db", "");
    let asked = json!({"a": ["2-bb", "1-aa"]});
    assert_eq!(
        node.post("/db/_revs_diff", &asked.to_string()).json(),
        json!({"a": {"missing": ["2-bb", "1-aa"]}})
    );
    let brought = json!({"new_edits": false, "docs": [
        {"_id": "a", "_rev": "2-bb", "_revisions": {"start": 2, "ids": ["bb", "aa"]}, "n": 2},
        {"_id": "a", "_rev": "2-cc", "_revisions": {"start": 2, "ids": ["cc", "aa"]}, "n": 3},
    ]});
    assert_eq!(node.post("/db/_bulk_docs", &brought.to_string()).json(), json!([]));
    assert_eq!(
        node.post("/db/_bulk_docs", &brought.to_string()).json(),
        json!([]),
        "once more changes nothing"
    );
    assert_eq!(node.post("/db/_revs_diff", &asked.to_string()).json(), json!({}));
    assert_eq!(
        node.get("/db/a?conflicts=true").json(),
        json!({"_id": "a", "_rev": "2-cc", "n": 3, "_conflicts": ["2-bb"]})
    );
    let wanted = json!({"docs": [{"id": "a", "rev": "2-bb"}, {"id": "none"}]});
    let got = node.post("/db/_bulk_get?revs=true", &wanted.to_string()).json();
    assert_eq!(
        got["results"][0]["docs"][0]["ok"]["_revisions"]["ids"],
        json!(["bb", "aa"])
    );
    assert_eq!(got["results"][1]["docs"][0]["error"]["error"], "not_found");
    let newest = node
        .ask(
            "GET",
            "/db/a?open_revs=[%221-aa%22]&latest=true",
            &["Accept: application/json"],
            "",
        )
        .json();
    assert_eq!(newest.as_array().unwrap().len(), 2, "both grew from it: {newest}");
    let winner = node.get("/db/a?rev=1-aa&latest=true").json();
    assert_eq!(winner["_rev"], "2-cc", "of both it is the winner");
    let open = node.get("/db/a?rev=2-bb&latest=true").json();
    assert_eq!(open["_rev"], "2-bb", "it is open itself");
    let next = node.post("/db/_revs_diff", r#"{"a":["3-dd"]}"#).json();
    assert_eq!(next["a"]["possible_ancestors"], json!(["2-cc", "2-bb"]));
}

#[test]
fn local_documents_stay_out_of_everything_else() {
    let node = Node::start();
    node.put("/db", "");
    assert_eq!(node.get("/db/_local/point").status, 404);
    assert_eq!(
        node.put("/db/_local/point", r#"{"seq":1}"#).json(),
        json!({"ok": true, "id": "_local/point", "rev": "0-1"})
    );
    assert_eq!(node.put("/db/_local/point", r#"{"seq":2}"#).status, 409);
    assert_eq!(
        revision(&node.put("/db/_local/point", r#"{"seq":2,"_rev":"0-1"}"#)),
        "0-2"
    );
    assert_eq!(
        node.get("/db/_local/point").json(),
        json!({"_id": "_local/point", "_rev": "0-2", "seq": 2})
    );
    assert_eq!(node.get("/db/_all_docs").json()["rows"], json!([]));
    assert_eq!(node.get("/db/_changes").json()["results"], json!([]));
    assert_eq!(node.delete("/db/_local/point?rev=0-2").status, 200);
    assert_eq!(node.get("/db/_local/point").status, 404);
}

#[test]
fn ids_are_listed_in_ranges_forward_and_backward() {
    let node = Node::start();
    node.put("/db", "");
    for id in ["a", "b", "c", "d%2Fe"] {
        assert_eq!(node.put(&format!("/db/{id}"), "{}").status, 201);
    }
    let ids = |query: &str| -> Vec<String> {
        let listed = node.get(&format!("/db/_all_docs{query}")).json();
        let rows = listed["rows"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["id"].as_str().unwrap_or("-").to_owned())
            .collect()
    };
    assert_eq!(ids(""), ["a", "b", "c", "d/e"]);
    assert_eq!(ids("?startkey=%22b%22&endkey=%22c%22"), ["b", "c"]);
    assert_eq!(ids("?startkey=%22b%22&endkey=%22c%22&inclusive_end=false"), ["b"]);
    assert_eq!(ids("?descending=true&startkey=%22c%22&limit=2"), ["c", "b"]);
    assert_eq!(ids("?key=%22b%22"), ["b"]);
    assert_eq!(ids("?skip=1&limit=1"), ["b"]);
    assert_eq!(ids("?keys=[%22c%22,%22none%22]"), ["c", "-"]);
    assert_eq!(
        node.get("/db/_all_docs?include_docs=true&limit=1").json()["rows"][0]["doc"]["_id"],
        "a"
    );
    assert_eq!(
        node.get("/db/_all_docs?limit=x").refused(),
        (400, "query_parse_error".into())
    );
}

#[test]
fn of_eight_writers_of_one_base_all_survive_on_different_members_and_one_on_the_same() {
    let node = Node::start();
    node.put("/db?granularity=field", "");
    for same in [false, true] {
        let id = format!("doc-{same}");
        let members: Vec<String> = (0..8).map(|n| format!("\"m{n}\":0")).collect();
        let base = revision(&node.put(&format!("/db/{id}"), &format!("{{{}}}", members.join(","))));
        let statuses: Vec<u16> = thread::scope(|scope| {
            let write = |n: usize| {
                let mut body: serde_json::Map<String, Value> = (0..8).map(|m| (format!("m{m}"), json!(0))).collect();
                body.insert(if same { "m0".into() } else { format!("m{n}") }, json!(n + 1));
                body.insert("_rev".into(), json!(base));
                node.put(&format!("/db/{id}"), &Value::Object(body).to_string()).status
            };
            let writers: Vec<_> = (0..8).map(|n| scope.spawn(move || write(n))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let stored = node.get(&format!("/db/{id}")).json();
        if same {
            assert_eq!(
                statuses.iter().filter(|status| **status == 201).count(),
                1,
                "{statuses:?}"
            );
            assert_eq!(
                statuses.iter().filter(|status| **status == 409).count(),
                7,
                "{statuses:?}"
            );
        } else {
            assert_eq!(statuses, [201; 8]);
            (0..8).for_each(|n| assert_eq!(stored[format!("m{n}")], n + 1, "{stored}"));
        }
    }
}

#[test]
fn a_write_that_names_what_it_has_read_conflicts_where_nothing_is() {
    let node = Node::start();
    for granularity in ["document", "field"] {
        let db = format!("/{granularity}");
        node.put(&format!("{db}?granularity={granularity}"), "");
        let conflict = (409, "conflict".to_owned());
        let named = r#"{"_id":"new","_rev":"1-abc","n":1}"#;
        assert_eq!(node.put(&format!("{db}/new"), named).refused(), conflict);
        assert_eq!(node.put(&format!("{db}/new?rev=1-abc"), "{}").refused(), conflict);
        assert_eq!(node.post(&db, named).refused(), conflict);
        let sent =
            json!({"docs": [{"_id": "new", "_rev": "1-abc"}, {"_id": "new", "_rev": "1-abc", "_deleted": true}]});
        let rows = node.post(&format!("{db}/_bulk_docs"), &sent.to_string()).json();
        assert_eq!(
            (&rows[0]["error"], &rows[1]["error"]),
            (&json!("conflict"), &json!("conflict"))
        );
        let deleted = node.delete(&format!("{db}/new?rev=1-abc"));
        assert_eq!(deleted.refused(), (404, "not_found".into()));
        assert_eq!(deleted.json()["reason"], "missing");
        let first = revision(&node.put(&format!("{db}/new"), r#"{"n":1}"#));
        let second = revision(&node.delete(&format!("{db}/new?rev={first}")));
        for rev in [first, second] {
            let again = node.delete(&format!("{db}/new?rev={rev}"));
            assert_eq!((again.status, &again.json()["reason"]), (404, &json!("deleted")));
        }
    }
}

#[test]
fn revisions_of_a_document_that_never_was_are_missing_one_by_one() {
    let node = Node::start();
    node.put("/db", "");
    let ask = |wanted: &str, headers: &[&str]| node.ask("GET", &format!("/db/none?open_revs={wanted}"), headers, "");
    let json = ["Accept: application/json"];
    let missing = ask("[%221-x%22,%222-y%22]", &json);
    assert_eq!(missing.json(), json!([{"missing": "1-x"}, {"missing": "2-y"}]));
    let parts = ask("[%221-x%22]", &[]);
    assert!(
        parts.status == 200 && parts.body.contains(r#"{"missing":"1-x"}"#),
        "{parts:?}"
    );
    assert_eq!(ask("all", &json).refused(), (404, "not_found".into()));
}

#[test]
fn a_document_that_brings_its_revision_keeps_it() {
    let node = Node::start();
    node.put("/db", "");
    let brought = r#"{"_rev":"2-bb","_revisions":{"start":2,"ids":["bb","aa"]},"n":1}"#;
    assert_eq!(revision(&node.put("/db/a?new_edits=false", brought)), "2-bb");
    assert_eq!(
        revision(&node.put("/db/a?new_edits=false", r#"{"_rev":"2-cc","n":2}"#)),
        "2-cc"
    );
    let stored = node.get("/db/a?conflicts=true").json();
    assert_eq!(
        stored,
        json!({"_id": "a", "_rev": "2-cc", "n": 2, "_conflicts": ["2-bb"]})
    );
    let history = node.get("/db/a?rev=2-bb&revs=true").json();
    assert_eq!(history["_revisions"]["ids"], json!(["bb", "aa"]));
    assert_eq!(
        node.put("/db/a?new_edits=false", "{}").refused(),
        (400, "bad_request".into())
    );
}

#[test]
fn a_deletion_keeps_what_it_says_and_its_revision_follows_from_that() {
    let node = Node::start();
    node.put("/db", "");
    let first = revision(&node.put("/db/a", r#"{"a":1}"#));
    let deletion = json!({"_rev": first, "_deleted": true, "a": 1, "why": "gone"});
    let second = revision(&node.put("/db/a", &deletion.to_string()));
    assert_eq!(second, "2-e09f440e01cbc904d47a9f81a1f59a84", "as CouchDB makes it");
    assert_eq!(node.get("/db/a").json()["reason"], "deleted");
    let told = format!("{{\"_id\":\"a\",\"_rev\":\"{second}\",\"a\":1,\"why\":\"gone\",\"_deleted\":true}}");
    assert_eq!(node.get(&format!("/db/a?rev={second}")).body, format!("{told}\n"));
    let json = ["Accept: application/json"];
    let open = |db: &str| node.ask("GET", &format!("/{db}/a?open_revs=all"), &json, "").body;
    assert_eq!(open("db"), format!("[{{\"ok\":{told}}}]\n"));
    let wanted = json!({"docs": [{"id": "a", "rev": second}]}).to_string();
    assert!(node.post("/db/_bulk_get", &wanted).body.contains(&told));
    assert!(
        node.get("/db/_changes?include_docs=true")
            .body
            .contains(&format!("\"doc\":{told}"))
    );
    let task = json!({"source": "db", "target": "copy", "create_target": true});
    assert_eq!(node.post("/_replicate", &task.to_string()).status, 200);
    assert_eq!(open("copy"), open("db"));
    // It is kept as long as any revision that is no longer open.
    assert!(revision(&node.put("/db/a", r#"{"a":2}"#)).starts_with("3-"));
    assert_eq!(node.get(&format!("/db/a?rev={second}")).body, format!("{told}\n"));

    let sent = json!({"docs": [{"_id": "b", "n": 1}]});
    let first = node.post("/db/_bulk_docs", &sent.to_string()).json()[0]["rev"].clone();
    let sent = json!({"docs": [{"_id": "b", "_rev": first, "_deleted": true, "reason": "x"}]});
    let second = node.post("/db/_bulk_docs", &sent.to_string()).json()[0]["rev"].clone();
    let kept = json!({"_id": "b", "_rev": second, "_deleted": true, "reason": "x"});
    assert_eq!(
        node.get(&format!("/db/b?rev={}", second.as_str().unwrap())).json(),
        kept
    );
}

#[test]
fn where_members_merge_a_deletion_keeps_none() {
    let node = Node::start();
    node.put("/db?granularity=field", "");
    let first = revision(&node.put("/db/a", r#"{"a":1}"#));
    let deletion = json!({"_rev": first, "_deleted": true, "why": "gone"});
    let second = revision(&node.put("/db/a", &deletion.to_string()));
    assert_eq!(
        second, "2-b4e3122af5f2ab3ae9bbd74527a6aa04",
        "as CouchDB's DELETE makes it"
    );
    let told = node.get(&format!("/db/a?rev={second}&revs=true")).json();
    assert_eq!((&told["_deleted"], &told["why"]), (&json!(true), &Value::Null));
}
