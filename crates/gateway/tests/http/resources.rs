//! Resources of JSON:API.

use serde_json::json;

use crate::node::Node;

#[test]
fn a_resource_is_deleted_by_who_has_read_it() {
    let node = Node::start();
    let body = json!({"data": {"type": "Employee", "id": "5", "attributes": {"Salary": 1}}}).to_string();
    assert_eq!(node.post("/api/Employee/", &body).status, 201);
    let checksum = || node.get("/api/Employee/5/").json()["data"]["attributes"]["CheckSum"].to_string();
    let read = checksum();
    let raise = json!({"data": {"type": "Employee", "attributes": {"Salary": 2}}}).to_string();
    assert_eq!(node.ask("PATCH", "/api/Employee/5/", &[], &raise).status, 200);
    let delete = |checksum: &str| node.delete(&format!("/api/Employee/5/?CheckSum={checksum}"));
    let refused = delete(&read);
    assert_eq!(
        (refused.status, &refused.json()["errors"][0]["code"]),
        (409, &json!("conflict"))
    );
    assert_eq!(delete("none").status, 400);
    assert_eq!(node.get("/api/Employee/5/").status, 200);
    assert_eq!(delete(&checksum()).status, 204);
    assert_eq!(node.get("/api/Employee/5/").status, 404);
}

#[test]
fn a_database_of_the_name_of_the_resources_is_one_of_couchdbs() {
    let node = Node::start();
    assert_eq!(node.put("/api", "").status, 201);
    let rows = node.post("/api/_bulk_docs", r#"{"docs":[{"_id":"a","n":1}]}"#).json();
    assert_eq!(rows[0]["ok"], true, "{rows}");
    assert_eq!(node.put("/api/_local/x", "{}").status, 201);
    assert_eq!(node.get("/api/_local/x").json()["_id"], "_local/x");
    let design = json!({"views": {"v": {"map": "function (doc) { emit(doc.n) }"}}}).to_string();
    assert_eq!(node.put("/api/_design/x", &design).status, 201);
    assert_eq!(node.get("/api/_design/x").json()["_id"], "_design/x");
    assert_eq!(node.get("/api/_design/x/_view/v").json()["rows"][0]["key"], 1);
    assert_eq!(
        node.post("/api/_all_docs", r#"{"keys":["a"]}"#).json()["rows"][0]["id"],
        "a"
    );
}
