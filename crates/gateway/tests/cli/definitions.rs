//! `database update`, `preview` and `delete`, and the policy of checksums.

use serde_json::{Value, json};

use super::node::{Node, wait_for};

fn listed(node: &Node) -> Vec<Value> {
    node.json(&["database", "list"]).json()["databases"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_database_is_created_with_its_settings_and_changed_member_by_member() {
    let node = Node::start();
    let create: Vec<_> =
        "database create customers --rule /stock=counter --checksums required --keep-revisions 5 --keep-for 14d"
            .split(' ')
            .collect();
    let created = node.json(&create).json();
    assert_eq!(
        (
            &created["checksums"],
            &created["keep_revisions"],
            &created["keep_for_s"]
        ),
        (&json!("required"), &json!(5), &json!(1_209_600))
    );
    let version = created["version"].as_str().unwrap();
    assert!(version.starts_with("1-"), "{version}");
    node.json(&["database", "create", "customers", "--rule", "/stock=counter"])
        .error(1, "DATABASE_EXISTS");

    let update: Vec<_> = "database update customers --rule /tags=set --remove-rule /stock --keep-for 12h"
        .split(' ')
        .collect();
    let updated = node.json(&[&update[..], &["--version", version]].concat()).json();
    assert_eq!(
        (
            &updated["rules"],
            &updated["keep_for_s"],
            &updated["checksums"],
            &updated["changed"]
        ),
        (
            &json!({"/tags": "set"}),
            &json!(43_200),
            &json!("required"),
            &json!(true)
        )
    );
    assert_eq!(node.json(&update).json()["changed"], false);
    let refused = node
        .json(&[
            "database",
            "update",
            "customers",
            "--rule",
            "/tags=max",
            "--version",
            version,
        ])
        .error(1, "VERSION_MISMATCH");
    let now = updated["version"].as_str().unwrap();
    assert!(refused["message"].as_str().unwrap().contains(now), "{refused}");
    let table = node.run(&["database", "list"]);
    for part in ["/tags=set", "required", "5 revisions, 12h"] {
        assert!(table.text().contains(part), "{part}: {table:?}");
    }
    assert_eq!(listed(&node)[0]["version"], now);
}

#[test]
fn a_wrong_definition_says_what_to_write_instead() {
    let node = Node::with_customers();
    let before = listed(&node);
    let update = |arguments: &[&str]| node.json(&[&["database", "update", "customers"], arguments].concat());
    for (arguments, part) in [
        (&["--rule", "/stock=median"][..], "register"),
        (&["--rule", "stock=max"], "/stock"),
        (&["--remove-rule", "stock"], "/stock"),
        (&["--rule", "/a=max", "--remove-rule", "/a"], "at once"),
        (&["--rule", "/a=max", "--rule", "/a=min"], "two"),
        (&["--checksums", "maybe"], "optional"),
        (&["--keep-for", "soon"], "14d"),
        (&["--keep-for", "14"], "14d"),
        (&["--keep-revisions", "many"], "invalid"),
    ] {
        let refused = update(arguments);
        assert_eq!(refused.status, 2, "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(part), "{arguments:?}: {refused:?}");
    }
    update(&["--version", "nonsense"]).error(1, "INVALID_REVISION");
    for name in ["absent", "customers@2"] {
        node.json(&["database", "update", name, "--rule", "/a=max"])
            .error(1, "DATABASE_NOT_FOUND");
        node.json(&["database", "preview", name, "--rule", "/a=max"])
            .error(1, "DATABASE_NOT_FOUND");
        node.json(&["database", "delete", name]).error(1, "DATABASE_NOT_FOUND");
    }
    for name in ["Customers", "customers@0", "customers@x"] {
        node.json(&["database", "update", name, "--rule", "/a=max"])
            .error(1, "INVALID_NAME");
        node.json(&["database", "delete", name]).error(1, "INVALID_NAME");
    }
    node.json(&["database", "delete", "_rejoin"]).error(1, "RESERVED_NAME");
    node.json(&["database", "create", "customers@2"])
        .error(1, "INVALID_NAME");
    node.run(&["database", "create", "whole", "--granularity", "document"])
        .text();
    for verb in ["update", "preview"] {
        node.json(&["database", verb, "whole", "--rule", "/stock=counter"])
            .error(1, "INVALID_RULE");
    }
    assert_eq!(listed(&node)[0], before[0]);
}

#[test]
fn a_required_checksum_that_is_missing_is_refused_with_what_to_do() {
    let node = Node::start();
    node.run(&["database", "create", "customers", "--checksums", "required"])
        .text();
    node.run(&["put", "customers", "a", r#"{"n":1}"#]).text();
    for write in [
        &["update", "customers", "a", r#"{"n":2}"#][..],
        &["patch", "customers", "a", r#"{"n":2}"#],
        &["delete", "customers", "a"],
    ] {
        let error = node.json(write).error(1, "CHECKSUM_REQUIRED");
        assert!(
            error["message"].as_str().unwrap().contains("send its checksum"),
            "{error}"
        );
    }
    let checksum = node.json(&["get", "customers", "a"]).json()["checksum"]
        .as_str()
        .unwrap()
        .to_owned();
    node.json(&["update", "customers", "a", r#"{"n":2}"#, "--checksum", &checksum])
        .json();
    node.json(&["cas", "customers", "a", r#"{"n":2}"#, r#"{"n":3}"#]).json();
    node.run(&["database", "update", "customers", "--checksums", "ignored"])
        .text();
    node.json(&["update", "customers", "a", r#"{"n":4}"#, "--checksum", &checksum])
        .json();
}

#[test]
fn a_database_is_deleted_and_created_again_without_its_documents() {
    let node = Node::with_customers();
    for id in ["a", "b"] {
        node.run(&["put", "customers", id, "{}"]).text();
    }
    assert_eq!(
        node.json(&["database", "delete", "customers"]).json(),
        json!({"name": "customers", "documents": 2})
    );
    node.json(&["database", "delete", "customers"])
        .error(1, "DATABASE_NOT_FOUND");
    node.json(&["get", "customers", "a"]).error(1, "DATABASE_NOT_FOUND");
    node.json(&["update", "customers", "a", "{}"])
        .error(1, "DATABASE_NOT_FOUND");
    assert_eq!(listed(&node), [] as [Value; 0]);
    assert_eq!(node.json(&["database", "create", "customers"]).json()["created"], true);
    assert_eq!(listed(&node).len(), 1);
    node.json(&["get", "customers", "a"]).error(1, "DOCUMENT_NOT_FOUND");
    node.run(&["put", "customers", "a", r#"{"new":1}"#]).text();
    assert_eq!(
        node.json(&["list", "customers@2"]).json()["documents"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        node.run(&["database", "delete", "customers"]).text(),
        "deleted customers with 1 document\n"
    );
}

/// Both nodes know `customers`, and are apart.
fn apart() -> (Node, Node) {
    let (east, west) = Node::pair();
    east.run(&["database", "create", "customers"]).text();
    east.run(&["put", "customers", "a", r#"{"n":1}"#]).text();
    wait_for("west has it", || west.run(&["get", "customers", "a"]).status == 0);
    wait_for("both are equal", || equal(&east, &west));
    east.run(&["link", "cut", "dc-west"]).text();
    wait_for("west sees no link", || {
        west.json(&["status"]).json()["links"][0]["state"] != "connected"
    });
    (east, west)
}

fn equal(east: &Node, west: &Node) -> bool {
    east.run(&["digest"]).text() == west.run(&["digest"]).text()
}

#[test]
fn what_was_written_without_knowledge_of_a_deletion_survives_and_status_says_what_to_do() {
    let (east, west) = apart();
    west.run(&["update", "customers", "a", r#"{"n":2}"#]).text();
    west.run(&["put", "customers", "late", "{}"]).text();
    east.run(&["put", "customers", "seen", "{}"]).text();
    assert_eq!(
        east.run(&["database", "delete", "customers"]).text(),
        "deleted customers with 2 documents\n"
    );
    east.run(&["database", "create", "customers"]).text();
    east.run(&["put", "customers", "new", "{}"]).text();
    east.run(&["link", "restore", "dc-west"]).text();
    let survived = |node: &Node| {
        let ids = node.json(&["list", "customers@1"]);
        ids.status == 0 && ids.json()["documents"].as_array().unwrap().len() == 2
    };
    for node in [&east, &west] {
        wait_for("the survivors are there", || survived(node));
        wait_for("the new one is there", || {
            node.run(&["get", "customers", "new"]).status == 0
        });
        let shown = node.json(&["get", "customers@1", "a"]).json();
        assert_eq!(shown["body"], json!({"n": 2}));
        node.json(&["get", "customers", "a"]).error(1, "DOCUMENT_NOT_FOUND");
        node.json(&["put", "customers@1", "more", "{}"])
            .error(1, "DATABASE_NOT_FOUND");
        let status = node.json(&["status"]).json();
        let databases = status["databases"].as_array().unwrap();
        let names: Vec<_> = databases
            .iter()
            .map(|it| (it["name"].as_str().unwrap(), it["survivors"] == true))
            .collect();
        assert_eq!(names, [("customers", false), ("customers@1", true)]);
        let warnings = status["warnings"].as_array().unwrap();
        let told = |warning: &Value| {
            let text = warning.as_str().unwrap();
            text.contains("dc-east deleted") && text.contains("`rejoin database delete customers@1`")
        };
        assert!(warnings.iter().any(told), "{warnings:?}");
        assert!(
            node.run(&["status"])
                .text()
                .contains("customers@1 (deleted; survivors)")
        );
    }
    wait_for("both are equal again", || equal(&east, &west));
    west.run(&["database", "delete", "customers@1"]).text();
    for node in [&east, &west] {
        wait_for("the survivors are gone", || listed(node).len() == 1);
    }
}

#[test]
fn rules_that_differ_are_shown_with_the_command_that_settles_them_and_previewed() {
    let (east, west) = apart();
    east.run(&["update", "customers", "a", r#"{"n":7}"#]).text();
    west.run(&["update", "customers", "a", r#"{"n":5}"#]).text();
    east.run(&["database", "update", "customers", "--rule", "/m=max"])
        .text();
    let missing = east.json(&["status"]).json()["databases"][0]["version_missing_in"].clone();
    assert_eq!(missing, json!(["dc-west"]));
    west.run(&["database", "update", "customers", "--rule", "/m=min"])
        .text();
    east.run(&["link", "restore", "dc-west"]).text();
    let settle = "`rejoin database update customers --rule /m=RULE`";
    for node in [&east, &west] {
        wait_for("the difference is shown", || {
            node.run(&["status"]).text().contains(settle)
        });
        wait_for("all hold the version", || {
            node.json(&["status"]).json()["databases"][0]["version_missing_in"] == json!([])
        });
    }
    wait_for("both show the same conflict", || {
        equal(&east, &west)
            && east.json(&["conflicts", "customers"]).json()["documents"]
                .as_array()
                .unwrap()
                .len()
                == 1
    });
    let preview = ["database", "preview", "customers", "--rule", "/n=max"];
    let effects = west.json(&preview).json();
    let shown = west.json(&["get", "customers", "a"]).json()["body"]["n"].clone();
    let effect =
        json!({"id": "a", "path": "/n", "shown": shown, "would_show": 7, "open": true, "would_be_open": false});
    assert_eq!(effects, json!({"effects": [effect]}));
    assert!(
        west.run(&preview)
            .text()
            .contains("1 path would change; nothing was changed")
    );
    assert_eq!(
        west.run(&["database", "preview", "customers", "--rule", "/x=set"])
            .text(),
        "nothing would change\n"
    );

    west.run(&["database", "update", "customers", "--rule", "/m=min"])
        .text();
    for node in [&east, &west] {
        wait_for("nothing is left to settle", || {
            node.json(&["status"]).json()["warnings"] == json!([])
        });
    }
}
