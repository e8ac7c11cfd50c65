//! HTTP and gRPC are two doors to one store, in every datacenter.

use std::collections::BTreeSet;

use serde_json::json;

use crate::node::{Node, eventually};

#[test]
fn what_is_written_through_one_door_is_read_through_the_other_and_in_the_other_datacenter() {
    let (east, west) = Node::pair();
    east.put("/shop?granularity=field", "");
    eventually("the database is in west", || west.get("/shop").status == 200);
    let rev = east.put("/shop/a", r#"{"n":1}"#).json()["rev"]
        .as_str()
        .unwrap()
        .to_owned();
    let seen = east.rejoin_json(&["get", "shop", "a"]);
    assert_eq!((&seen["revision"], &seen["body"]), (&json!(rev), &json!({"n": 1})));
    eventually("the document is in west", || west.get("/shop/a").status == 200);
    assert_eq!(west.get("/shop/a").body, east.get("/shop/a").body);
    west.rejoin_json(&["update", "shop", "a", r#"{"n":2}"#]);
    eventually("the update is in east", || east.get("/shop/a").json()["n"] == 2);
}

#[test]
fn revisions_that_a_replicator_brought_conflict_and_converge_like_any_write() {
    let (east, west) = Node::pair();
    east.put("/db", "");
    eventually("the database is in west", || west.get("/db").status == 200);
    east.rejoin(&["link", "cut", "dc-west"]);
    let bring = |node: &Node, rev: &str, n: u32| {
        let docs = json!({"new_edits": false, "docs": [{"_id": "a", "_rev": rev, "n": n}]});
        assert_eq!(node.post("/db/_bulk_docs", &docs.to_string()).json(), json!([]));
    };
    bring(&east, "1-123", 1);
    bring(&west, "1-456", 2);
    east.rejoin(&["link", "restore", "dc-west"]);
    let expected = json!({"_id": "a", "_rev": "1-456", "n": 2, "_conflicts": ["1-123"]});
    for node in [&east, &west] {
        eventually("both have both", || node.get("/db/a?conflicts=true").json() == expected);
        let conflicts = node.rejoin_json(&["conflicts", "db", "a"]);
        assert_eq!(
            conflicts["conflicts"][0]["candidates"].as_array().unwrap().len(),
            2,
            "{conflicts}"
        );
    }
    assert_eq!(
        east.rejoin_json(&["digest"])["digest"],
        west.rejoin_json(&["digest"])["digest"]
    );
}

#[test]
fn a_conflict_of_members_shows_as_an_open_revision_until_somebody_decides() {
    let (east, west) = Node::pair();
    east.put("/shop?granularity=field", "");
    eventually("the database is in west", || west.get("/shop").status == 200);
    let rev = east.put("/shop/a", r#"{"n":0,"m":0}"#).json()["rev"]
        .as_str()
        .unwrap()
        .to_owned();
    eventually("the document is in west", || west.get("/shop/a").status == 200);
    east.rejoin(&["link", "cut", "dc-west"]);
    let written = east.put("/shop/a", &json!({"_rev": rev, "n": 1, "m": 0}).to_string());
    west.put("/shop/a", &json!({"_rev": rev, "n": 2, "m": 5}).to_string());
    east.rejoin(&["link", "restore", "dc-west"]);
    eventually("the conflict shows", || {
        east.get("/shop/a?conflicts=true").json()["_conflicts"].is_array()
    });
    let merged = east.get("/shop/a?conflicts=true").json();
    assert_eq!(
        (&merged["m"], merged["_conflicts"].as_array().unwrap().len()),
        (&json!(5), 1)
    );
    let listed = east.rejoin_json(&["conflicts", "shop", "a"]);
    let candidates = listed["conflicts"][0]["candidates"].as_array().unwrap().clone();
    let dots = candidates.iter().map(|candidate| candidate["dot"].as_str().unwrap());
    let named = |dot: &str| written.head.contains(&format!("rejoin-dot: {dot}\r\n"));
    assert_eq!(dots.filter(|dot| named(dot)).count(), 1, "{listed} {written:?}");
    let losing = merged["_conflicts"][0].as_str().unwrap();
    let other = east.get(&format!("/shop/a?rev={losing}")).json();
    assert_ne!(other["n"], merged["n"], "the value that lost is there to be read");
    // As a client of CouchDB resolves: the revision that lost is deleted.
    let deleted = east.delete(&format!("/shop/a?rev={losing}"));
    assert_eq!(deleted.status, 200, "{deleted:?}");
    for node in [&east, &west] {
        eventually("it is decided everywhere", || {
            let found = node.get("/shop/a?conflicts=true").json();
            found["_conflicts"].is_null() && found["n"] == merged["n"] && found["m"] == 5
        });
    }
    assert_eq!(
        east.delete(&format!("/shop/a?rev={losing}")).status,
        409,
        "it is no open revision any more"
    );
}

#[test]
fn each_candidate_is_an_open_revision_that_can_be_read_and_goes_alone() {
    let node = Node::start();
    node.put("/shop?granularity=field", "");
    let base = node.put("/shop/a", r#"{"n":0,"m":0}"#).json()["rev"].clone();
    let base = base.as_str().unwrap();
    node.put("/shop/a", &json!({"_rev": base, "n": 1, "m": 0}).to_string());
    for body in [r#"{"n":2,"m":0}"#, r#"{"n":3,"m":0}"#] {
        node.rejoin_json(&[
            "update",
            "shop",
            "a",
            body,
            "--rev",
            base,
            "--on-conflict",
            "keep-branch",
        ]);
    }
    let brought = json!({"new_edits": false, "docs": [{"_id": "a", "_rev": "2-bb", "n": 7}]});
    let refused = node.post("/shop/_bulk_docs", &brought.to_string()).json();
    assert_eq!(
        refused[0]["error"], "not_implemented",
        "its name could not be kept: {refused}"
    );
    let open = |what: &str| {
        let shown = node.get("/shop/a?conflicts=true").json();
        let losing = shown["_conflicts"].as_array().cloned().unwrap_or_default();
        let losing: Vec<String> = losing.iter().map(|rev| rev.as_str().unwrap().to_owned()).collect();
        let values: BTreeSet<i64> = losing
            .iter()
            .map(|rev| node.get(&format!("/shop/a?rev={rev}")).json()["n"].as_i64().unwrap())
            .chain([shown["n"].as_i64().unwrap()])
            .collect();
        assert_eq!(values.len(), losing.len() + 1, "{what}: {shown}");
        (shown, losing, values)
    };
    let (shown, losing, values) = open("two wrote beside the shown value");
    assert_eq!(values, BTreeSet::from([1, 2, 3]));
    // A write of another member decides nothing, and the open revisions keep their names.
    let other = node.put(
        "/shop/a",
        &json!({"_rev": shown["_rev"], "n": shown["n"], "m": 5}).to_string(),
    );
    assert_eq!(other.status, 201, "{other:?}");
    let (shown, still, _) = open("another member was written");
    assert_eq!((&shown["m"], &still), (&json!(5), &losing));
    assert_eq!(node.get(&format!("/shop/a?rev={}", losing[0])).json()["m"], 5);
    assert_eq!(node.delete(&format!("/shop/a?rev={}", losing[0])).status, 200);
    let (shown, left, _) = open("one of them was deleted");
    assert_eq!(left, losing[1..]);
    assert_eq!(node.delete(&format!("/shop/a?rev={}", losing[0])).status, 409);
    assert_eq!(node.delete(&format!("/shop/a?rev={}", losing[1])).status, 200);
    let (settled, left, _) = open("both were deleted");
    assert_eq!((&settled["n"], left), (&shown["n"], Vec::new()));
    assert_eq!(node.rejoin_json(&["conflicts", "shop"])["documents"], json!([]));
}

#[test]
fn a_count_of_changes_that_may_have_been_read_elsewhere_reverts_nothing() {
    let (east, west) = Node::pair();
    east.put("/shop?granularity=field", "");
    eventually("the database is in west", || west.get("/shop").status == 200);
    east.put("/shop/a", r#"{"first":"Baard","last":"Johnson"}"#);
    eventually("the document is in west", || west.get("/shop/a").status == 200);
    east.rejoin(&["link", "cut", "dc-west"]);
    east.put("/shop/a", r#"{"_updated":0,"first":"Brad","last":"Johnson"}"#);
    west.put("/shop/a", r#"{"_updated":0,"first":"Baard","last":"West"}"#);
    let read = east.get("/shop/a").json();
    assert_eq!(
        (&read["_updated"], &west.get("/shop/a").json()["_updated"]),
        (&json!(1), &json!(1))
    );
    east.rejoin(&["link", "restore", "dc-west"]);
    eventually("west has both", || west.get("/shop/a").json()["first"] == "Brad");
    let written = west.put("/shop/a", r#"{"_updated":1,"first":"Brad","last":"Johnson","age":5}"#);
    assert_eq!(written.refused(), (409, "conflict".into()));
    assert!(
        written.json()["reason"].as_str().unwrap().contains("_rev"),
        "{written:?}"
    );
    assert_eq!(west.get("/shop/a").json()["last"], "West");
    let named = json!({"_rev": read["_rev"], "first": "Brad", "last": "Johnson", "age": 5}).to_string();
    assert_eq!(
        east.put("/shop/a", &named).json()["merged"],
        true,
        "a revision is one everywhere"
    );
    assert_eq!(east.get("/shop/a").json()["last"], "West");
}

#[test]
fn a_one_shot_replication_reaches_another_server_and_says_what_it_did() {
    let (here, there) = (Node::start(), Node::start());
    here.put("/source", "");
    for n in 0..250 {
        here.put(&format!("/source/d{n}"), &json!({"n": n}).to_string());
    }
    let target = format!("http://{}/target", there.host());
    let asked = json!({"source": "source", "target": target, "create_target": true}).to_string();
    let done = here.post("/_replicate", &asked).json();
    assert_eq!(
        (&done["ok"], &done["history"][0]["docs_written"]),
        (&json!(true), &json!(250))
    );
    assert_eq!(there.get("/target").json()["doc_count"], 250);
    let again = here.post("/_replicate", &asked).json();
    assert_eq!(
        (&again["no_changes"], &again["history"]),
        (&json!(true), &done["history"])
    );
    here.put("/source/d250", "{}");
    let more = here.post("/_replicate", &asked).json();
    let (last, first) = (&more["history"][0], &more["history"][1]);
    assert_eq!(
        (&last["missing_checked"], &last["docs_written"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&last["start_last_seq"], first),
        (&first["recorded_seq"], &done["history"][0])
    );
    // A target that begins anew has another past than the source.
    there.delete("/target");
    let anew = here.post("/_replicate", &asked).json();
    assert_eq!(anew["history"][0]["docs_written"], 251);
    here.delete("/source/d250?rev=1-967a00dff5e02add41819138abb3284d");
    here.post("/_replicate", &asked).json();
    assert_eq!(there.get("/target/d250").status, 404);
    let back = json!({"source": target, "target": "copy", "create_target": true}).to_string();
    assert_eq!(
        here.post("/_replicate", &back).json()["history"][0]["docs_written"],
        251
    );
    assert_eq!(here.get("/copy/d7").body, here.get("/source/d7").body);
    here.put("/members?granularity=field", "");
    let merging = json!({"source": "source", "target": "members"}).to_string();
    let refused = here.post("/_replicate", &merging);
    assert_eq!(refused.refused(), (501, "not_implemented".into()));
    assert!(
        refused
            .body
            .contains("replicate into a database of granularity document"),
        "{refused:?}"
    );
    let nowhere = json!({"source": "absent", "target": "copy"}).to_string();
    assert_eq!(
        here.post("/_replicate", &nowhere).refused(),
        (404, "db_not_found".into())
    );
    let deaf = json!({"source": "http://127.0.0.1:1/x", "target": "copy"}).to_string();
    assert_eq!(
        here.post("/_replicate", &deaf).refused(),
        (502, "replication_failed".into())
    );
}

#[test]
fn a_write_to_what_survived_a_deletion_says_what_to_do() {
    let (east, west) = Node::pair();
    east.put("/db", "");
    east.put("/db/a", "{}");
    eventually("the document is in west", || west.get("/db/a").status == 200);
    east.rejoin(&["link", "cut", "dc-west"]);
    assert_eq!(west.put("/db/late", "{}").status, 201);
    assert_eq!(east.delete("/db").status, 200);
    assert_eq!(east.put("/db/b", "{}").json()["reason"], "Database does not exist.");
    east.rejoin(&["link", "restore", "dc-west"]);
    for node in [&east, &west] {
        // In this order: while the rest is dropped nothing of the database is there.
        let is_settled = || node.get("/db/a").status == 404 && node.get("/db/late").status == 200;
        eventually(
            "what was deleted is gone, and what survived is there to be read",
            is_settled,
        );
        let refused = node.put("/db/b", "{}");
        assert_eq!((refused.status, &refused.json()["error"]), (404, &json!("not_found")));
        let reason = refused.json()["reason"].to_string();
        assert!(reason.contains("create the database again"), "{reason}");
    }
    assert_eq!(west.put("/db", "").status, 201, "as it says");
    eventually("it takes writes everywhere", || east.put("/db/b", "{}").status == 201);
}

#[test]
fn who_has_read_both_branches_of_a_merge_keeps_neither_open() {
    let (east, west) = Node::pair();
    east.put("/shop?granularity=field", "");
    east.put("/copy", "");
    eventually("the database is in west", || west.get("/shop").status == 200);
    let rev = east.put("/shop/a", r#"{"n":0,"m":0}"#).json()["rev"].clone();
    eventually("the document is in west", || west.get("/shop/a").status == 200);
    east.rejoin(&["link", "cut", "dc-west"]);
    let put = |node: &Node, body: serde_json::Value| node.put("/shop/a", &body.to_string()).json()["rev"].clone();
    let branches = [
        put(&east, json!({"_rev": rev, "n": 1, "m": 0})),
        put(&west, json!({"_rev": rev, "n": 0, "m": 2})),
    ];
    let copy = |from: &Node| {
        let task = json!({"source": format!("http://{}/shop", from.host()), "target": "copy"});
        assert_eq!(east.post("/_replicate", &task.to_string()).status, 200);
    };
    copy(&east);
    copy(&west);
    let copied = || east.get("/copy/a?conflicts=true").json();
    assert_eq!(copied()["_conflicts"].as_array().unwrap().len(), 1, "{}", copied());
    east.rejoin(&["link", "restore", "dc-west"]);
    eventually("they are merged", || east.get("/shop/a").json()["m"] == 2);

    let leaves = east.ask(
        "GET",
        "/shop/a?open_revs=all&revs=true",
        &["Accept: application/json"],
        "",
    );
    let leaves = leaves.json();
    let leaves = leaves.as_array().unwrap();
    let (winner, closed) = (&leaves[0]["ok"], &leaves[1]["ok"]);
    assert_eq!((leaves.len(), &winner["n"], &winner["m"]), (2, &json!(1), &json!(2)));
    assert_eq!(closed["_deleted"], true);
    let parent = |leaf: &serde_json::Value| format!("2-{}", leaf["_revisions"]["ids"][1].as_str().unwrap());
    let parents = BTreeSet::from([parent(winner), parent(closed)]);
    assert!(branches.iter().all(|branch| parents.contains(branch.as_str().unwrap())));
    let asked = json!({"a": [winner["_rev"], closed["_rev"], "3-0"]}).to_string();
    let missing = east.post("/shop/_revs_diff", &asked).json();
    assert_eq!(missing["a"]["missing"], json!(["3-0"]));

    copy(&east);
    let both = copied();
    assert_eq!(
        (&both["_conflicts"], &both["n"], &both["m"]),
        (&json!(null), &json!(1), &json!(2))
    );
    assert_eq!(both["_rev"], winner["_rev"]);
}

/// A node tells of closed branches of a document wherever CouchDB would.
fn tells_of(node: &Node, rev: &serde_json::Value, revisions: &[serde_json::Value]) {
    let told = node.get("/shop/a?deleted_conflicts=true").json()["_deleted_conflicts"].clone();
    assert_eq!(told, json!(revisions));
    let feed = node.get("/shop/_changes?style=all_docs").json();
    let row = feed["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == "a")
        .unwrap();
    assert_eq!(row["changes"].as_array().unwrap().len(), 3, "{row}");
    let known: Vec<_> = revisions.iter().chain([rev]).collect();
    assert_eq!(
        node.post("/shop/_revs_diff", &json!({ "a": known }).to_string()).json(),
        json!({})
    );
    let docs: Vec<_> = revisions.iter().map(|rev| json!({"id": "a", "rev": rev})).collect();
    let got = node
        .post("/shop/_bulk_get", &json!({ "docs": docs }).to_string())
        .json();
    let got: Vec<_> = (0..2)
        .map(|place| got["results"][place]["docs"][0]["ok"]["_deleted"].clone())
        .collect();
    assert_eq!(got, [json!(true), json!(true)]);
}

#[test]
fn who_comes_after_the_next_write_learns_as_well_which_branches_are_closed() {
    let (east, west) = Node::pair();
    east.put("/shop?granularity=field", "");
    east.put("/copy", "");
    eventually("the database is in west", || west.get("/shop").status == 200);
    let put = |node: &Node, body: serde_json::Value| node.put("/shop/a", &body.to_string()).json()["rev"].clone();
    let copy = |from: &Node| {
        let task = json!({"source": format!("http://{}/shop", from.host()), "target": "copy"});
        assert_eq!(east.post("/_replicate", &task.to_string()).status, 200);
    };
    let mut rev = put(&east, json!({"east": 0, "west": 0}));
    let shows = |node: &Node, rev: &serde_json::Value| node.get("/shop/a").json()["_rev"] == *rev;
    for round in 1..=2 {
        eventually("the document is in west", || shows(&west, &rev));
        east.rejoin(&["link", "cut", "dc-west"]);
        put(&east, json!({"_rev": rev, "east": round, "west": round - 1}));
        put(&west, json!({"_rev": rev, "east": round - 1, "west": round}));
        copy(&east);
        copy(&west);
        east.rejoin(&["link", "restore", "dc-west"]);
        eventually("they are merged", || east.get("/shop/a").json()["west"] == round);
        // Nobody copies the merge itself: a write follows at once.
        let merged = east.get("/shop/a").json()["_rev"].clone();
        rev = put(&east, json!({"_rev": merged, "east": round, "west": round}));
        rev = put(&east, json!({"_rev": rev, "east": round, "west": round, "n": round}));
    }
    eventually("the last write is in west", || shows(&west, &rev));

    let json = ["Accept: application/json"];
    let open = |node: &Node| node.ask("GET", "/shop/a?open_revs=all&revs=true", &json, "").body;
    assert_eq!(open(&east), open(&west), "whoever is asked");
    let leaves: serde_json::Value = serde_json::from_str(&open(&east)).unwrap();
    let closed: Vec<_> = leaves.as_array().unwrap()[1..].iter().map(|leaf| &leaf["ok"]).collect();
    assert_eq!(closed.len(), 2, "{leaves}");
    assert!(closed.iter().all(|leaf| leaf["_deleted"] == true), "{leaves}");
    let first = &leaves[0]["ok"]["_revisions"]["ids"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert!(
        closed
            .iter()
            .all(|leaf| leaf["_revisions"]["ids"].as_array().unwrap().last() == Some(first))
    );
    let revisions: Vec<_> = closed.iter().map(|leaf| leaf["_rev"].clone()).collect();
    for node in [&east, &west] {
        tells_of(node, &rev, &revisions);
    }
    copy(&west);
    let copied = east.get("/copy/a?conflicts=true").json();
    assert_eq!(
        (&copied["_rev"], &copied["_conflicts"]),
        (&rev, &json!(null)),
        "nothing is left open"
    );
}
