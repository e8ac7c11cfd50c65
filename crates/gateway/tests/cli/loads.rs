//! `load`: NDJSON in, one line out.

use serde_json::{Value, json};

use super::node::Node;

#[test]
fn a_file_is_loaded_and_summed_up_in_one_line() {
    let node = Node::with_customers();
    let text: String = (0..1_500)
        .map(|n| format!("{{\"n\":{n},\"_id\":\"c{n}\",\"price\":1.50}}\n"))
        .collect();
    let file = node.file("customers.ndjson", &text);
    let file = file.to_str().unwrap();
    let loaded = node.run(&["load", "customers", file]);
    assert!(loaded.text().starts_with("loaded 1,500, refused 0 in "), "{loaded:?}");
    assert!(
        loaded.text().ends_with(" per second)\n") && loaded.text().lines().count() == 1,
        "{loaded:?}"
    );
    assert_eq!(loaded.stderr, "", "no progress bar where nobody watches");
    let get = node.json(&["get", "customers", "c1499"]);
    assert!(get.text().contains(r#""body":{"n":1499,"price":1.50}"#), "{get:?}");

    let again = node.json(&["load", "customers", file]).json();
    assert_eq!(
        (&again["loaded"], &again["refused"], &again["unknown"]),
        (&json!(1_500), &json!(0), &json!(0))
    );
    assert!(again["seconds"].is_f64() && again["per_second"].is_u64(), "{again}");
    let listed = node.json(&["list", "customers"]).json();
    assert_eq!(listed["documents"].as_array().unwrap().len(), 1_500);
}

const MIXED: &str = concat!(
    "{\"_id\":\"a\",\"n\":1}\n",
    "{broken\n",
    "\n",
    "[\"no object\"]\n",
    "{\"n\":\"no id\"}\n",
    "{\"_id\":\"b\",\"stock\":1.5}\n",
    "{\"_id\":\"\",\"n\":1}\n",
    "{\"_id\":\"c\",\"_rev\":\"1-x\"}\n",
    "{\"_id\":\"z\",\"n\":2}",
);

#[test]
fn a_bad_line_is_reported_with_its_number_and_does_not_stop_the_rest() {
    let node = Node::with_customers();
    let loaded = node.run_with_input(&["load", "customers", "-"], MIXED);
    assert_eq!(loaded.status, 1, "{loaded:?}");
    assert!(loaded.stdout.starts_with("loaded 2, refused 6 in "), "{loaded:?}");
    for (line, reason) in [
        ("line 2: ", "[INVALID_JSON]"),
        ("line 4: ", "[BODY_NOT_OBJECT]"),
        ("line 5: ", "[INVALID_ID]"),
        ("line 6 (b): ", "[COUNTER_NOT_INTEGER]"),
        ("line 7 (): ", "[INVALID_ID]"),
        ("line 8 (c): ", "[RESERVED_NAME]"),
    ] {
        let found = loaded.stderr.lines().find(|text| text.starts_with(line));
        assert!(
            found.is_some_and(|text| text.ends_with(reason)),
            "{line} {reason}: {loaded:?}"
        );
    }
    assert_eq!(loaded.stderr.lines().count(), 6, "{loaded:?}");
    for id in ["a", "z"] {
        node.json(&["get", "customers", id]).json();
    }
}

#[test]
fn programs_read_the_same_as_json() {
    let node = Node::with_customers();
    let loaded = node.run_with_input(&["load", "customers", "-", "--json"], MIXED);
    assert_eq!(loaded.status, 1);
    let summary: Value = serde_json::from_str(&loaded.stdout).unwrap();
    assert_eq!((&summary["loaded"], &summary["refused"]), (&json!(2), &json!(6)));
    let mut refused: Vec<Value> = loaded
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    refused.sort_by_key(|line| line["line"].as_u64());
    let numbers: Vec<_> = refused.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 4, 5, 6, 7, 8]);
    assert_eq!(
        (&refused[3]["id"], &refused[3]["error"]),
        (&json!("b"), &json!("COUNTER_NOT_INTEGER"))
    );
    assert_eq!(
        (&refused[0]["id"], &refused[0]["error"]),
        (&Value::Null, &json!("INVALID_JSON"))
    );
}

#[test]
fn a_load_into_no_database_is_refused_as_a_whole() {
    let node = Node::start();
    let loaded = node.run_with_input(
        &["load", "nowhere", "-", "--json"],
        "{\"_id\":\"a\"}\n{\"_id\":\"b\"}\n",
    );
    loaded.error(1, "DATABASE_NOT_FOUND");
}

#[test]
fn an_empty_file_loads_nothing() {
    let node = Node::with_customers();
    let loaded = node.run_with_input(&["load", "customers", "-"], "");
    assert!(loaded.text().starts_with("loaded 0, refused 0 in "), "{loaded:?}");
}

#[test]
fn a_document_and_a_line_over_the_bound_do_not_stop_a_load() {
    const MIB: usize = 1024 * 1024;
    let node = Node::with_customers();
    let document = |id: &str, bytes: usize| format!("{{\"_id\":\"{id}\",\"a\":\"{}\"}}\n", "x".repeat(bytes));
    let input = [
        document("fits", 7 * MIB),
        document("far over", 13 * MIB),
        document("just over", 8 * MIB),
        document("small", 1),
    ]
    .concat();
    let loaded = node.run_with_input(&["load", "customers", "-"], &input);
    assert_eq!(loaded.status, 1, "{loaded:?}");
    assert!(loaded.stdout.starts_with("loaded 2, refused 2 in "), "{loaded:?}");
    assert!(
        loaded
            .stderr
            .contains("line 2: the line is longer than 8 MiB [BODY_TOO_LARGE]"),
        "{loaded:?}"
    );
    let over = loaded
        .stderr
        .lines()
        .find(|line| line.starts_with("line 3 (just over): "));
    assert!(
        over.is_some_and(|line| line.ends_with("[BODY_TOO_LARGE]")),
        "{loaded:?}"
    );
}
