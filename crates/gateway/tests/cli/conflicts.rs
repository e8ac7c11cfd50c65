//! Two datacenters: what `conflicts`, `get` and `heals` say after a partition.

use serde_json::{Value, json};

use super::finished::words;
use super::node::{Node, wait_for};

/// Both nodes know `baard`; then they are apart, change the same member, delete and edit another document, and meet.
fn after_a_partition() -> (Node, Node) {
    let (east, west) = Node::pair();
    east.create_customers();
    east.run(&["put", "customers", "baard", r#"{"city":"Oslo","name":"Baard"}"#])
        .text();
    east.run(&["put", "customers", "nina", r#"{"city":"Oslo"}"#]).text();
    wait_for("west has both", || west.run(&["get", "customers", "nina"]).status == 0);
    wait_for("both are equal", || equal(&east, &west));

    east.run(&["link", "cut", "dc-west"]).text();
    wait_for("west sees no link", || {
        west.json(&["status"]).json()["links"][0]["state"] != "connected"
    });
    east.run(&["update", "customers", "baard", r#"{"city":"Bergen","name":"Baard"}"#])
        .text();
    west.run(&["update", "customers", "baard", r#"{"name":"Baard"}"#])
        .text();
    east.run(&["delete", "customers", "nina"]).text();
    west.run(&["update", "customers", "nina", r#"{"city":"Bodø"}"#]).text();
    east.run(&["link", "restore", "dc-west"]).text();
    wait_for("both are equal again", || {
        equal(&east, &west) && open(&east) == 2 && open(&west) == 2
    });
    (east, west)
}

fn equal(east: &Node, west: &Node) -> bool {
    east.run(&["digest"]).text() == west.run(&["digest"]).text()
}

fn open(node: &Node) -> usize {
    node.json(&["conflicts", "customers"]).json()["documents"]
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn conflicts_are_listed_alike_in_both_datacenters() {
    let (east, west) = after_a_partition();
    let listed = east.json(&["conflicts", "customers"]);
    assert_eq!(listed.text(), west.json(&["conflicts", "customers"]).text());
    let documents = &listed.json()["documents"];
    assert_eq!(
        (&documents[0]["id"], &documents[1]["id"]),
        (&json!("baard"), &json!("nina"))
    );
    let city = &documents[0]["conflicts"][0];
    assert_eq!((&city["path"], &city["shown"]), (&json!("/city"), &json!("Bergen")));
    check_candidate(&city["candidates"][0], "value", &json!("Bergen"), "dc-east");
    check_candidate(&city["candidates"][1], "removed", &json!(true), "dc-west");
    let whole = &documents[1]["conflicts"][0];
    assert_eq!(whole["path"], "");
    let deleted: Vec<&Value> = whole["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["deleted"])
        .collect();
    assert!(deleted.contains(&&json!(true)), "{whole}");

    let get = east.json(&["get", "customers", "baard"]).json();
    assert_eq!(get["conflicts"][0]["candidates"], city["candidates"]);
    assert_eq!(get["body"], json!({"city": "Bergen", "name": "Baard"}));
    let text = east.run(&["get", "customers", "baard"]);
    assert!(
        words(text.text()).contains(&vec!["path", "candidate", "datacenter", "time", "(UTC)"]),
        "{text:?}"
    );

    let table = east.run(&["conflicts", "customers"]);
    let rows = words(table.text());
    assert_eq!(
        rows[0],
        ["document", "path", "candidate", "datacenter", "time", "(UTC)", "shown"]
    );
    assert_eq!(
        (&rows[1][..4], rows[1].last()),
        (&["baard", "/city", "\"Bergen\"", "dc-east"][..], Some(&"*"))
    );
    assert_eq!(rows[2][..2], ["(removed)", "dc-west"], "{table:?}");
    assert!(
        table.stdout.lines().all(|line| line.chars().count() <= 100),
        "{table:?}"
    );
    assert!(table.stdout.contains("2 documents in conflict"), "{table:?}");
    assert!(
        table.stdout.ends_with("until `rejoin resolve` settles them\n"),
        "{table:?}"
    );
    let one = east.run(&["conflicts", "customers", "--prefix", "baard"]);
    assert!(
        one.stdout.ends_with("until another value is written there\n"),
        "{one:?}"
    );
    // The path of a whole document is shown as it is typed.
    assert!(
        rows.iter()
            .any(|row| row.len() > 2 && row[1..3] == ["\"\"", "(document)"]),
        "{table:?}"
    );
    let nothing = east.run(&["resolve", "customers", "baard", "--path", "", "--shown"]);
    assert!(
        nothing.stderr.contains("the document as a whole is not in conflict"),
        "{nothing:?}"
    );
}

fn check_candidate(candidate: &Value, kind: &str, value: &Value, datacenter: &str) {
    assert_eq!(
        (&candidate[kind], &candidate["datacenter"]),
        (value, &json!(datacenter)),
        "{candidate}"
    );
    assert!(candidate["time"].as_str().unwrap().ends_with('Z'), "{candidate}");
    assert!(candidate["revision"].as_str().unwrap().contains('-'), "{candidate}");
    assert_eq!(candidate.as_object().unwrap().len(), 4, "{candidate}");
}

#[test]
fn a_heal_is_reported() {
    let (east, _west) = after_a_partition();
    let reported = || east.json(&["heals"]).json()["heals"][0].clone();
    wait_for("the digests were compared", || {
        reported()["digests_equal"] == json!(true)
    });
    let heal = reported();
    assert_eq!(
        (&heal["datacenter"], &heal["merged"], &heal["conflicts"]),
        (&json!("dc-west"), &json!(2), &json!(2))
    );
    assert_eq!(heal["conflict_ids"], json!(["customers/baard", "customers/nina"]));
    assert!(heal["broken"].as_str() < heal["healed"].as_str(), "{heal}");
    assert!(heal["converged"].is_string() && heal["repaired"] == json!(0), "{heal}");
    let table = east.run(&["heals"]);
    let rows = words(table.text());
    assert_eq!((rows[1][1], rows[1].last()), ("dc-west", Some(&"equal")), "{table:?}");
    assert!(
        table.stdout.lines().all(|line| line.chars().count() <= 100),
        "{table:?}"
    );
}

#[test]
fn one_heal_is_reported_with_the_documents_that_are_in_conflict_since() {
    let (east, _west) = after_a_partition();
    wait_for("the digests were compared", || {
        east.json(&["heals"]).json()["heals"][0]["digests_equal"] == json!(true)
    });
    let all = east.json(&["heals"]).json();
    let id = all["heals"][0]["id"].to_string();
    assert_eq!(east.json(&["heals", &id]).json(), all["heals"][0]);
    let told = east.run(&["heals", &id]);
    let (table, list) = told.text().split_once("\n\nnewly in conflict:\n").unwrap();
    assert_eq!((words(table)[1][0], words(table).len()), (id.as_str(), 2), "{told:?}");
    assert_eq!(list, "  customers/baard\n  customers/nina\n");
    let none = east.run(&["heals", "99"]);
    assert_eq!(none.status, 1, "{none:?}");
    assert!(
        none.stderr.contains("there is no report 99; `rejoin heals` lists"),
        "{none:?}"
    );
}

#[test]
fn writing_the_path_again_settles_its_conflict() {
    let (east, west) = after_a_partition();
    east.run(&["update", "customers", "baard", r#"{"city":"Tromsø","name":"Baard"}"#])
        .text();
    wait_for("west knows", || open(&west) == 1);
    assert_eq!(west.json(&["get", "customers", "baard"]).json()["conflicts"], json!([]));
}
