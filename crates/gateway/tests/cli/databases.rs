//! `database create` and `database list`.

use serde_json::json;

use super::node::Node;

#[test]
fn a_database_is_created_with_its_rules_and_again_without_harm() {
    let node = Node::start();
    let create = [
        "database",
        "create",
        "customers",
        "--rule",
        "/stock=counter",
        "--rule",
        "/tags=set",
    ];
    let definition = |created: bool| {
        let rules = json!({"/stock": "counter", "/tags": "set"});
        json!({
            "name": "customers", "granularity": "field", "rules": rules, "checksums": "optional", "keep_revisions": 0,
            "keep_for_s": 0, "documents_max": 0, "bytes_max": 0, "documents": 0, "bytes": 0, "survivors": false,
            "created": created
        })
    };
    let without_version = |created: serde_json::Value| {
        let mut created = created;
        assert!(created.as_object_mut().unwrap().remove("version").is_some());
        created
    };
    assert_eq!(without_version(node.json(&create).json()), definition(true));
    assert_eq!(without_version(node.json(&create).json()), definition(false));
    assert_eq!(
        node.run(&create).text(),
        "existed already: customers with /stock=counter /tags=set\n"
    );
}

#[test]
fn another_definition_under_the_same_name_is_refused() {
    let node = Node::with_customers();
    node.json(&["database", "create", "customers", "--granularity", "document"])
        .error(1, "DATABASE_EXISTS");
    node.json(&["database", "create", "customers", "--rule", "/stock=max"])
        .error(1, "DATABASE_EXISTS");
    node.json(&["database", "create", "Customers"]).error(1, "INVALID_NAME");
    node.json(&["database", "create", "_rejoin"]).error(1, "RESERVED_NAME");
}

#[test]
fn databases_are_listed_with_their_rules() {
    let node = Node::start();
    assert!(
        node.run(&["database", "list"])
            .text()
            .contains("rejoin database create")
    );
    assert_eq!(node.json(&["database", "list"]).json(), json!({"databases": []}));

    assert_eq!(
        node.run(&["database", "create", "orders", "--granularity", "document"])
            .text(),
        "created orders\n"
    );
    node.create_customers();
    let listed = node.json(&["database", "list"]).json();
    let listed: Vec<_> = listed["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|database| (&database["name"], &database["granularity"], &database["rules"]))
        .collect();
    assert_eq!(
        listed,
        [
            (
                &json!("customers"),
                &json!("field"),
                &json!({"/stock": "counter", "/tags": "set"})
            ),
            (&json!("orders"), &json!("document"), &json!({}))
        ]
    );
    let table = node.run(&["database", "list"]);
    assert!(
        table
            .text()
            .contains("customers  field        /stock=counter /tags=set"),
        "{table:?}"
    );
}

#[test]
fn a_rule_that_is_none_is_a_usage_error() {
    let node = Node::start();
    for rule in ["/stock=count", "/stock", "stock=counter"] {
        let refused = node.run(&["database", "create", "customers", "--rule", rule]);
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains("--rule"), "{refused:?}");
    }
    assert_eq!(
        node.run(&["database", "create", "customers", "--granularity", "table"])
            .status,
        2
    );
    assert_eq!(node.json(&["database", "list"]).json(), json!({"databases": []}));
}

#[test]
fn rules_are_refused_where_whole_documents_are_kept() {
    let node = Node::start();
    let create = [
        "database",
        "create",
        "orders",
        "--granularity",
        "document",
        "--rule",
        "/stock=counter",
    ];
    let error = node.json(&create).error(2, "USAGE");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("--granularity field"), "{message}");
    assert_eq!(node.json(&["database", "list"]).json(), json!({"databases": []}));
}
