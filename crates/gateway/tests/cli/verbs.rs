//! The verbs of concurrency control on the command line.

use serde_json::json;

use crate::node::Node;

#[test]
fn a_swap_that_does_not_match_prints_what_is_there_and_exits_with_1() {
    let node = Node::with_customers();
    node.json(&["put", "customers", "baard", r#"{"name":"Baard","n":1}"#])
        .json();
    let swap = |expected: &str, new: &str| node.json(&["cas", "customers", "baard", expected, new]);
    let swapped = swap(r#"{"n":1,"name":"Baard"}"#, r#"{"name":"Brad"}"#).json();
    assert_eq!(swapped["id"], "baard");
    let unmatched = swap(r#"{"n":1,"name":"Baard"}"#, r#"{"name":"Bird"}"#).refused();
    assert_eq!(
        (&unmatched["matched"], &unmatched["revision"], &unmatched["body"]),
        (&json!(false), &swapped["revision"], &json!({"name": "Brad"}))
    );
    node.json(&["cas", "customers", "absent", "{}", "{}"])
        .error(1, "DOCUMENT_NOT_FOUND");
    let text = node.run(&["cas", "customers", "baard", "{}", "{}"]);
    assert_eq!((text.status, text.stderr.as_str()), (1, ""), "{text:?}");
    assert!(text.stdout.contains(r#"{"name":"Brad"}"#), "{text:?}");
}

#[test]
fn a_delete_that_expects_something_else_prints_what_is_there_and_exits_with_1() {
    let node = Node::with_customers();
    node.json(&["put", "customers", "baard", r#"{"name":"Baard","n":1}"#])
        .json();
    let delete = |expected: &str| node.json(&["delete", "customers", "baard", "--previous", "--expected", expected]);
    let unmatched = delete(r#"{"name":"Baard"}"#).refused();
    assert_eq!(
        (&unmatched["matched"], &unmatched["body"]),
        (&json!(false), &json!({"name": "Baard", "n": 1}))
    );
    let deleted = delete(r#"{"n":1,"name":"Baard"}"#).json();
    assert_eq!(deleted["previous"]["body"], json!({"name": "Baard", "n": 1}));
    node.json(&["get", "customers", "baard"]).error(1, "DOCUMENT_NOT_FOUND");
    delete("{}").error(1, "DOCUMENT_NOT_FOUND");
    let both = node.json(&["delete", "customers", "baard", "--expected", "{}", "--rev", "1-a"]);
    assert_eq!(both.status, 2, "{both:?}");
}

#[test]
fn a_checksum_that_was_read_guards_updates_patches_and_deletes() {
    let node = Node::with_customers();
    node.json(&["put", "customers", "baard", r#"{"salary":1}"#]).json();
    let read = node.json(&["get", "customers", "baard"]).json();
    let checksum = read["checksum"].as_str().unwrap();
    let guarded = |arguments: &[&str]| node.json(&[arguments, &["--checksum", checksum]].concat());
    let update = ["update", "customers", "baard", r#"{"salary":2}"#];
    let written = node
        .json(&[&update[..], &["--checksum", checksum, "--previous"]].concat())
        .json();
    assert_eq!(
        (&written["previous"]["body"], &written["previous"]["checksum"]),
        (&json!({"salary": 1}), &read["checksum"])
    );
    for refused in [
        &update[..],
        &["patch", "customers", "baard", r#"{"salary":3}"#],
        &["edit", "customers", "baard", "--increment", "/salary=1"],
        &["delete", "customers", "baard"],
    ] {
        guarded(refused).error(1, "CHECKSUM_MISMATCH");
    }
    guarded(&["update", "customers", "absent", "{}"]).error(1, "DOCUMENT_NOT_FOUND");
    let bad = node.json(&[&update[..], &["--checksum", "x"]].concat());
    assert_eq!(bad.status, 2, "{bad:?}");
    let cas = |expected, new| {
        node.json(&["cas", "customers", "baard", expected, new])
            .error(1, "INVALID_JSON")
    };
    for (error, part) in [
        (cas("{", "{}"), "the expected body is not"),
        (cas("{}", "{"), "the new body is not"),
    ] {
        assert!(error["message"].as_str().unwrap().starts_with(part), "{error}");
    }
}

#[test]
fn a_stale_update_is_merged_or_rejected_as_it_asks_for() {
    let node = Node::with_customers();
    let base = node
        .json(&["put", "customers", "baard", r#"{"first":"Baard","last":"Johansen"}"#])
        .json();
    let base = base["revision"].as_str().unwrap();
    node.json(&["update", "customers", "baard", r#"{"first":"Brad","last":"Johansen"}"#])
        .json();
    let stale = |body: &str, on_conflict: &str| {
        node.json(&[
            "update",
            "customers",
            "baard",
            body,
            "--rev",
            base,
            "--on-conflict",
            on_conflict,
        ])
    };
    let other_member = r#"{"first":"Baard","last":"Johnson"}"#;
    let report = stale(other_member, "reject-stale").refused();
    assert_eq!(
        report["conflicts"],
        json!([{"key": "/first", "base_value": "Baard", "our_value": "Brad", "your_value": "Baard"}])
    );
    assert_eq!(report["yours"]["last"], "Johnson");
    assert_eq!(stale(other_member, "merge").json()["merged"], true);
    let same_member = r#"{"first":"Bird","last":"Johansen"}"#;
    let report = stale(same_member, "merge").refused();
    assert_eq!(report["conflicts"][0]["key"], "/first");
    assert_eq!(report["base"], json!({"first": "Baard", "last": "Johansen"}));
    let get = node.json(&["get", "customers", "baard"]).json();
    assert_eq!(get["body"], json!({"first": "Brad", "last": "Johnson"}));
    let old = node.json(&["get", "customers", "baard", "--rev", base]).json();
    assert_eq!(old["body"], json!({"first": "Baard", "last": "Johansen"}));
    let strange = "9-00000000000000000000000000000000";
    node.json(&["get", "customers", "baard", "--rev", strange])
        .error(1, "REVISION_NOT_FOUND");
}

#[test]
fn what_is_printed_for_people_names_the_next_step() {
    let node = Node::with_customers();
    let base = node.json(&["put", "customers", "baard", r#"{"n":1}"#]).json();
    let base = base["revision"].as_str().unwrap();
    node.json(&["update", "customers", "baard", r#"{"n":2}"#]).json();
    let stale = ["update", "customers", "baard", r#"{"n":3}"#, "--rev", base];
    let kept = node.run(&[&stale[..], &["--on-conflict", "keep-branch"]].concat());
    assert!(kept.stdout.contains("1 conflict is open"), "{kept:?}");
    node.json(&["delete", "customers", "baard"]).json();
    let refused = node.run(&stale);
    assert!(
        refused.status == 1 && refused.stderr.contains("deleted meanwhile") && refused.stderr.contains("without --rev"),
        "{refused:?}"
    );
    let empty = node.run(&["batch", "customers", ""]);
    assert!(empty.stderr.contains("send at least one"), "{empty:?}");
    let named = node.run(&["put", "customers", "a", "{}", "--request-id", ""]);
    assert!(named.status == 2 && named.stderr.contains("--request-id"), "{named:?}");
}

#[test]
fn patches_and_edits_change_a_part() {
    let node = Node::with_customers();
    node.json(&[
        "put",
        "customers",
        "baard",
        r#"{"name":"Baard","stock":5,"tags":["new"],"old":1}"#,
    ])
    .json();
    node.json(&["patch", "customers", "baard", r#"{"old":null,"town":"Oslo"}"#])
        .json();
    let operations = r#"[{"op":"test","path":"/town","value":"Oslo"},{"op":"replace","path":"/town","value":"Moss"}]"#;
    let patch = ["patch", "customers", "baard", operations, "--json-patch"];
    node.json(&patch).json();
    let error = node.json(&patch).error(1, "PATCH_MISFIT");
    assert!(error["message"].as_str().unwrap().contains("operation 1"), "{error}");
    let edit = ["edit", "customers", "baard", "--increment", "/stock=-2"];
    node.json(
        &[
            &edit[..],
            &["--add", r#"/tags=["vip","new"]"#, "--remove", r#"/tags=["x"]"#],
        ]
        .concat(),
    )
    .json();
    let get = node.json(&["get", "customers", "baard"]).json();
    assert_eq!(
        get["body"],
        json!({"name": "Baard", "stock": 3, "tags": ["new", "vip"], "town": "Moss"})
    );
    node.json(&["edit", "customers", "baard", "--increment", "/name=1"])
        .error(1, "PATCH_MISFIT");
    let array = node
        .json(&["patch", "customers", "baard", "[1]"])
        .error(1, "INVALID_PATCH");
    assert!(array["message"].as_str().unwrap().contains("--json-patch"), "{array}");
    for option in ["--increment=stock=1", r#"--add=stock=["a"]"#, r#"--remove=stock=["a"]"#] {
        let error = node
            .json(&["edit", "customers", "baard", option])
            .error(1, "INVALID_PATCH");
        assert!(error["message"].as_str().unwrap().contains("/stock"), "{error}");
    }
    let fresh = ["edit", "customers", "fresh", "--increment", "/stock=3"];
    node.json(&fresh).error(1, "DOCUMENT_NOT_FOUND");
    node.json(&[&fresh[..], &["--create"]].concat()).json();
    assert_eq!(
        node.json(&["get", "customers", "fresh"]).json()["body"],
        json!({"stock": 3})
    );
    for usage in [
        &["edit", "customers", "baard"][..],
        &["edit", "customers", "baard", "--increment", "/stock"],
    ] {
        assert_eq!(node.json(usage).status, 2);
    }
}
