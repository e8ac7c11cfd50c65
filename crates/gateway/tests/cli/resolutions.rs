//! Resolutions on the command line.

use serde_json::json;

use crate::node::Node;

/// `baard` is in conflict at `/phone` and `/n`: both values of a stale write stay.
fn conflicted() -> Node {
    let node = Node::with_customers();
    for id in ["baard", "nina"] {
        let base = node.json(&["put", "customers", id, r#"{"phone":"0","n":0}"#]).json();
        node.json(&["update", "customers", id, r#"{"phone":"1","n":1}"#]).json();
        let revision = base["revision"].as_str().unwrap();
        let stale = ["update", "customers", id, r#"{"phone":"2","n":2}"#, "--rev", revision];
        node.json(&[&stale[..], &["--on-conflict", "keep-branch"]].concat())
            .json();
    }
    node
}

fn open(node: &Node, arguments: &[&str]) -> Vec<String> {
    let listed = node.json(&[&["conflicts", "customers"], arguments].concat()).json();
    let documents = listed["documents"].as_array().unwrap().clone();
    let paths = documents.iter().flat_map(|document| {
        let conflicts = document["conflicts"].as_array().unwrap().clone();
        let id = document["id"].as_str().unwrap().to_owned();
        conflicts
            .into_iter()
            .map(move |conflict| format!("{id}{}", conflict["path"].as_str().unwrap()))
    });
    paths.collect()
}

#[test]
fn a_path_is_settled_by_a_value_a_removal_or_a_datacenter() {
    let node = conflicted();
    let resolve = |rest: &[&str]| node.json(&[&["resolve", "customers", "baard", "--path"], rest].concat());
    let settled = resolve(&["/phone", "--value", "\"2\""]).json();
    assert_eq!((&settled["id"], &settled["left_open"]), (&json!("baard"), &json!(1)));
    assert_eq!(open(&node, &[]), ["baard/n", "nina/n", "nina/phone"]);
    let settled = resolve(&["/n", "--from", "dc-east"]).json();
    assert_eq!(settled["left_open"], 0);
    assert_eq!(
        node.json(&["get", "customers", "baard"]).json()["body"],
        json!({"phone": "2", "n": 2})
    );
    let removed = node.run(&["resolve", "customers", "nina", "--path", "/n", "--remove"]);
    let text = removed.text();
    assert!(
        text.contains("resolved nina") && text.contains("1 conflict is still open"),
        "{text}"
    );
}

#[test]
fn a_path_is_settled_by_the_candidate_of_a_write() {
    let node = conflicted();
    let found = node.json(&["conflicts", "customers", "baard"]).json();
    let phone = found["conflicts"].as_array().unwrap().iter();
    let phone = phone.clone().find(|conflict| conflict["path"] == "/phone").unwrap();
    let older = &phone["candidates"][0];
    assert_eq!((&older["value"], &phone["shown"]), (&json!("1"), &json!("2")));
    let dot = older["dot"].as_str().unwrap();
    let choose = |dot: &str| node.json(&["resolve", "customers", "baard", "--path", "/phone", "--candidate", dot]);
    choose("1/0000000000000001").error(1, "INVALID_RESOLUTION");
    assert_eq!(choose("yesterday").status, 2);
    assert_eq!(choose(dot).json()["left_open"], 1);
    let read = node.json(&["get", "customers", "baard"]).json();
    assert_eq!(read["body"], json!({"phone": "1", "n": 2}));
}

#[test]
fn a_policy_settles_what_a_datacenter_wrote_since_a_time() {
    let node = conflicted();
    let all = |rest: &[&str]| {
        let newest = ["resolve", "customers", "--all", "--policy", "newest"];
        node.json(&[&newest[..], rest].concat()).json()["settled"].clone()
    };
    assert_eq!(all(&["--datacenter", "dc-west"]), 0);
    assert_eq!(all(&["--since", "2099-01-01T00:00:00Z"]), 0);
    assert_eq!(all(&["--datacenter", "dc-east", "--since", "2020-01-01T00:00:00Z"]), 4);
    assert_eq!(open(&node, &[]), Vec::<String>::new());
}

#[test]
fn a_body_settles_a_document_and_a_policy_all_documents() {
    let node = conflicted();
    let body = node
        .json(&["resolve", "customers", "nina", "--body", r#"{"n":5}"#])
        .json();
    assert_eq!(body["left_open"], 0);
    let max = node.json(&["resolve", "customers", "--all", "--policy", "max"]).json();
    assert_eq!(max, json!({"documents": 1, "settled": 1, "left_open": 1}));
    let settled = node.run(&["resolve", "customers", "--all", "--policy", "newest"]);
    let newest = settled.text();
    assert_eq!(newest.trim(), "settled 1 conflict of 1 document; 0 still open");
    assert_eq!(open(&node, &[]), Vec::<String>::new());
}

#[test]
fn conflicts_are_listed_by_filters_and_one_document_with_what_its_sides_have_in_common() {
    let node = conflicted();
    assert_eq!(open(&node, &["--path", "/phone"]), ["baard/phone", "nina/phone"]);
    assert_eq!(open(&node, &["--prefix", "ni", "--path", "/n"]), ["nina/n"]);
    assert_eq!(open(&node, &["--datacenter", "dc-west"]), Vec::<String>::new());
    assert_eq!(open(&node, &["--since", "2099-01-01T00:00:00Z"]), Vec::<String>::new());
    let one = node.json(&["conflicts", "customers", "baard"]).json();
    assert_eq!(
        (&one["id"], one["conflicts"].as_array().unwrap().len()),
        (&json!("baard"), 2)
    );
    assert_eq!(one["body"], json!({"phone": "2", "n": 2}));
}

#[test]
fn a_resolution_that_cannot_be_is_refused_with_what_to_do() {
    let node = conflicted();
    let read = node.json(&["get", "customers", "baard"]).json();
    let resolve = |rest: &[&str]| node.json(&[&["resolve", "customers"], rest].concat());
    resolve(&["baard", "--path", "/absent", "--remove"]).error(1, "INVALID_RESOLUTION");
    resolve(&["baard", "--path", "/n", "--from", "dc-west"]).error(1, "INVALID_RESOLUTION");
    let text = resolve(&["baard", "--path", "/n", "--value", "west"]).error(1, "INVALID_JSON");
    assert!(text["message"].as_str().unwrap().contains("value for `/n`"), "{text}");
    resolve(&["absent", "--path", "/n", "--shown"]).error(1, "DOCUMENT_NOT_FOUND");
    node.json(&["update", "customers", "baard", r#"{"phone":"2","n":2,"x":1}"#])
        .json();
    let rev = read["revision"].as_str().unwrap();
    let stale = resolve(&["baard", "--path", "/n", "--shown", "--rev", rev]).refused();
    assert_eq!(
        stale["conflicts"],
        json!([{"key": "/x", "our_value": 1}]),
        "what was chosen is based on what was read"
    );
    assert_eq!(stale["yours"], stale["base"]);
    node.json(&["put", "customers", "calm", "{}"]).json();
    resolve(&["calm", "--body", "{}"]).error(1, "INVALID_RESOLUTION");
    for usage in [
        &["baard"][..],
        &["baard", "--path", "/n"],
        &["baard", "--path", "/n", "--shown", "--remove"],
        &["--all"],
        &["baard", "--all", "--policy", "newest"],
        &["--all", "--policy", "oldest"],
        &["baard", "--path", "/n", "--shown", "--since", "2020-01-01T00:00:00Z"],
        &["baard", "--path", "/n", "--shown", "--datacenter", "dc-east"],
        &["--all", "--policy", "newest", "--since", "yesterday"],
        &["baard", "--candidate", "1/0000000000000001"],
        &["baard", "--path", "/n", "--shown", "--candidate", "1/0000000000000001"],
    ] {
        assert_eq!(resolve(usage).status, 2, "{usage:?}");
    }
}

#[test]
fn what_is_said_of_one_document_never_settles_the_others() {
    let node = conflicted();
    let all = open(&node, &[]);
    for arguments in [
        &["baard", "--path", "/n", "--value", "9", "--policy", "newest"][..],
        &["baard", "--policy", "newest"],
        &["baard", "--body", "{}", "--policy", "newest"],
        &["--all", "--policy", "newest", "--path", "/n", "--value", "9"],
        &["baard", "--path", "/n", "--shown", "--prefix", "b"],
    ] {
        let usage = node.run(&[&["resolve", "customers"], arguments].concat());
        assert_eq!(usage.status, 2, "{arguments:?}: {usage:?}");
        assert_eq!(open(&node, &[]), all, "{arguments:?}");
    }
}

#[test]
fn where_another_branch_is_shown_a_write_names_the_one_that_it_made() {
    let node = Node::start();
    node.run(&["database", "create", "letters", "--granularity", "document"])
        .text();
    let base = node.json(&["put", "letters", "a", r#"{"n":0}"#]).json();
    let base = base["revision"].as_str().unwrap();
    let mut lost = 0;
    for n in 1..6 {
        let body = format!(r#"{{"n":{n}}}"#);
        let kept = [
            "update",
            "letters",
            "a",
            &body,
            "--rev",
            base,
            "--on-conflict",
            "keep-branch",
        ];
        let answer = node.json(&kept).json();
        assert_eq!(answer["merged"], false, "a branch is written whole: {answer}");
        let shown = node.json(&["get", "letters", "a"]).json();
        assert_eq!(answer["revision"], shown["revision"]);
        if answer["made_revision"].is_null() {
            assert_eq!(shown["body"], json!({"n": n}));
            continue;
        }
        lost += 1;
        let made = answer["made_revision"].as_str().unwrap();
        let branches = node.json(&["conflicts", "letters", "a"]).json();
        let candidates = branches["conflicts"][0]["candidates"].as_array().unwrap().clone();
        let mine = candidates.iter().find(|candidate| candidate["revision"] == made);
        assert_eq!(mine.unwrap()["value"], json!({"n": n}));
    }
    assert!(lost > 0, "no branch lost");
}
