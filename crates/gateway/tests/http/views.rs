//! Views follow their documents, and what a map function does wrong is told.

use serde_json::json;

use crate::node::Node;

#[test]
fn a_view_follows_writes_deletions_and_its_own_design() {
    let node = Node::start();
    node.put("/db", "");
    let design = |map: &str, rev: Option<&str>| {
        let mut design = json!({"views": {"v": {"map": map, "reduce": "_sum"}}});
        if let Some(rev) = rev {
            design["_rev"] = json!(rev);
        }
        node.put("/db/_design/d", &design.to_string()).json()["rev"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = design("function (doc) { emit(doc.kind, doc.n) }", None);
    for (id, kind, n) in [("a", "x", 1), ("b", "y", 2), ("c", "x", 4)] {
        node.put(&format!("/db/{id}"), &json!({"kind": kind, "n": n}).to_string());
    }
    let view = |query: &str| node.get(&format!("/db/_design/d/_view/v{query}")).json();
    assert_eq!(view("")["rows"], json!([{"key": null, "value": 7}]));
    assert_eq!(
        view("?group=true")["rows"],
        json!([{"key": "x", "value": 5}, {"key": "y", "value": 2}])
    );
    assert_eq!(view("?reduce=false&key=%22x%22&descending=true")["rows"][0]["id"], "c");
    let rev = node.get("/db/a").json()["_rev"].as_str().unwrap().to_owned();
    node.delete(&format!("/db/a?rev={rev}"));
    assert_eq!(
        view("?update=false")["rows"],
        json!([{"key": null, "value": 7}]),
        "as it was"
    );
    assert_eq!(view("")["rows"], json!([{"key": null, "value": 6}]));
    design("function (doc) { emit(doc.n, 1) }", Some(&first));
    assert_eq!(
        view("?group=true")["rows"],
        json!([{"key": 2, "value": 1}, {"key": 4, "value": 1}])
    );
    assert_eq!(
        node.get("/db/_design/d/_view/v?limit=x").refused(),
        (400, "query_parse_error".into())
    );
    assert_eq!(
        node.get("/db/_design/d/_view/none").refused(),
        (404, "not_found".into())
    );
    assert_eq!(
        node.get("/db/_design/none/_view/v").refused(),
        (404, "not_found".into())
    );
}

#[test]
fn a_function_that_does_not_compile_is_refused_and_one_that_runs_for_ever_harms_only_its_rows() {
    let node = Node::start();
    node.put("/db", "");
    node.put("/db/a", "{}");
    let temporary = |map: &str| node.post("/db/_temp_view", &json!({"map": map}).to_string());
    assert_eq!(
        temporary("function (doc) {").refused(),
        (400, "compilation_error".into())
    );
    assert_eq!(
        temporary("function (doc) { while (true) {} }").json()["rows"],
        json!([])
    );
    assert_eq!(temporary("function (doc) { emit(Math.random, new Date) }").status, 200);
    assert_eq!(
        temporary("function (doc) { emit(doc._id, null) }").json()["rows"][0]["key"],
        "a"
    );
    assert_eq!(
        node.post("/db/_temp_view", "{}").refused(),
        (400, "invalid_design_doc".into())
    );
}
