//! Bad input: each class gives its own reason, and nothing of it is stored.

use crate::common::{self, TestNode, database, reason, text};
use rejoin_api::Reason;
use rejoin_client::{Bytes, Database, Watch};
use rejoin_document::{Granularity, Rule, RuleSet};

async fn node() -> TestNode {
    let node = common::node().await;
    node.create("a", r#"{"v":1}"#).await;
    node
}

/// What a node holds, to be compared before and after.
async fn contents(node: &TestNode) -> (Bytes, Option<String>, u64, u64) {
    let status = node.client.status().await.unwrap();
    let things = &status.databases[0];
    (
        status.digest.clone(),
        node.body("a").await,
        things.documents,
        things.sequence,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_body_has_its_reason_and_changes_nothing() {
    let mut node = node().await;
    let before = contents(&node).await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let leaves = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(50_000));
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(8 << 20));
    let huge = format!(r#"{{"a":"{}"}}"#, "x".repeat(12 << 20));
    let cases = [
        ("{", Reason::InvalidJson),
        ("", Reason::InvalidJson),
        (r#"{"a":1e999}"#, Reason::InvalidJson),
        ("[1]", Reason::BodyNotObject),
        ("1", Reason::BodyNotObject),
        (deep.as_str(), Reason::BodyTooDeep),
        (leaves.as_str(), Reason::BodyTooManyLeaves),
        (large.as_str(), Reason::BodyTooLarge),
        (huge.as_str(), Reason::BodyTooLarge),
        (r#"{"_id":"x"}"#, Reason::ReservedName),
        (r#"{"stock":1.5}"#, Reason::CounterNotInteger),
        (r#"{"stock":9223372036854775808}"#, Reason::CounterNotInteger),
    ];
    for (body, expected) in cases {
        let shown: String = body.chars().take(40).collect();
        assert_eq!(
            reason(node.client.create("things", "new", text(body)).await),
            expected,
            "create {shown}"
        );
        assert_eq!(
            reason(node.client.update("things", "a", text(body), None).await),
            expected,
            "update {shown}"
        );
    }
    let not_text = Bytes::from_static(b"{\"a\":\"\xff\"}");
    assert_eq!(
        reason(node.client.create("things", "new", not_text).await),
        Reason::InvalidJson
    );
    assert_eq!(contents(&node).await, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_id_has_its_reason_and_changes_nothing() {
    let mut node = node().await;
    let before = contents(&node).await;
    let client = &node.client;
    let long = "x".repeat(513);
    for (id, expected) in [
        ("", Reason::InvalidId),
        (long.as_str(), Reason::InvalidId),
        ("_x", Reason::ReservedName),
    ] {
        assert_eq!(
            reason(client.create("things", id, text("{}")).await),
            expected,
            "create {id:?}"
        );
        assert_eq!(
            reason(client.update("things", id, text("{}"), None).await),
            expected,
            "update {id:?}"
        );
        assert_eq!(reason(client.get("things", id).await), expected, "get {id:?}");
        assert_eq!(
            reason(client.delete("things", id, None).await),
            expected,
            "delete {id:?}"
        );
    }
    assert_eq!(reason(client.get("things", "absent").await), Reason::DocumentNotFound);
    assert_eq!(
        reason(client.delete("things", "absent", None).await),
        Reason::DocumentNotFound
    );
    assert_eq!(
        reason(client.create("things", "a", text("{}")).await),
        Reason::DocumentExists
    );
    assert_eq!(contents(&node).await, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_name_and_token_has_its_reason_and_changes_nothing() {
    let mut node = node().await;
    let before = contents(&node).await;
    let client = &node.client;
    for (name, expected) in [
        ("absent", Reason::DatabaseNotFound),
        ("Upper", Reason::InvalidName),
        ("", Reason::InvalidName),
        ("_rejoin", Reason::ReservedName),
    ] {
        assert_eq!(
            reason(client.create(name, "a", text("{}")).await),
            expected,
            "create in {name:?}"
        );
        assert_eq!(reason(client.get(name, "a").await), expected, "get in {name:?}");
        assert_eq!(reason(client.list(name, 10, None).await), expected, "list {name:?}");
        assert_eq!(
            reason(
                client
                    .conflicts(name, &rejoin_client::ConflictFilter::default(), 10, None)
                    .await
            ),
            expected,
            "conflicts of {name:?}"
        );
        let watching = match client.watch(name, &Watch::default()).await {
            Ok(mut stream) => stream.next().await.map(drop),
            Err(error) => Err(error),
        };
        assert_eq!(reason(watching), expected, "changes of {name:?}");
    }
    assert_eq!(
        reason(client.list("things", 10, Some("zz".into())).await),
        Reason::InvalidPageToken
    );
    assert_eq!(
        reason(client.heals(10, Some("0101".into())).await),
        Reason::InvalidPageToken
    );
    assert_eq!(reason(client.cut_link("dc-nowhere").await), Reason::PeerUnknown);
    assert_eq!(reason(client.cut_link("no name").await), Reason::InvalidName);
    assert_eq!(contents(&node).await, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_for_whole_documents_are_refused_and_no_database_comes_of_it() {
    let mut node = node().await;
    let asked = Database {
        granularity: Granularity::Document,
        ..database("whole", &[("/stock", Rule::Counter)])
    };
    let error = node.client.create_database(&asked).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::InvalidRule));
    assert!(error.to_string().contains("leave them out"), "{error}");
    assert_eq!(node.client.status().await.unwrap().databases.len(), 1);
    let without = Database {
        rules: RuleSet::default(),
        ..asked
    };
    assert!(node.client.create_database(&without).await.unwrap().1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_revisions_are_told_apart() {
    let mut node = node().await;
    let client = &node.client;
    let first = client.get("things", "a").await.unwrap().revision.to_string();
    for text_of_revision in ["x", "1", "-abc", "0-00", "1-"] {
        let result = client.update("things", "a", text("{}"), Some(text_of_revision)).await;
        assert_eq!(reason(result), Reason::InvalidRevision, "{text_of_revision:?}");
        assert_eq!(
            reason(client.delete("things", "a", Some(text_of_revision)).await),
            Reason::InvalidRevision
        );
    }
    let unknown = Some("1-00000000000000000000000000000000");
    assert_eq!(
        reason(client.update("things", "a", text("{}"), unknown).await),
        Reason::BaseUnknown
    );

    client
        .update("things", "a", text(r#"{"v":2}"#), Some(&first))
        .await
        .unwrap();
    let before = contents(&node).await;
    let stale = client
        .update("things", "a", text(r#"{"v":3}"#), Some(&first))
        .await
        .unwrap_err();
    assert_eq!(stale.reason(), Some(Reason::Conflict));
    let report = stale
        .refusal()
        .unwrap()
        .conflict
        .clone()
        .expect("the report is attached");
    assert_eq!(report.conflicts[0].path, "/v");
    let values = &report.conflicts[0];
    let values = [&values.base_value, &values.our_value, &values.your_value].map(|value| value.clone().unwrap());
    assert_eq!(values, ["1", "2", "3"].map(text));
    assert_eq!(report.revision, client.get("things", "a").await.unwrap().revision);
    assert_eq!(
        reason(client.delete("things", "a", Some(&first)).await),
        Reason::Conflict
    );
    assert_eq!(contents(&node).await, before);

    let merged = client
        .update("things", "a", text(r#"{"v":1,"w":1}"#), Some(&first))
        .await
        .unwrap();
    assert!(merged.merged, "another member of an old revision is rebased");
    assert_eq!(node.body("a").await.as_deref(), Some(r#"{"v":2,"w":1}"#));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_definitions_are_refused() {
    use rejoin_api::proto::database_service_client::DatabaseServiceClient;
    use rejoin_api::proto::{CreateDatabaseRequest, Database, PathRule};
    use tonic_types::StatusExt;

    let mut node = node().await;
    let mut service = DatabaseServiceClient::connect(format!("http://{}", node.address))
        .await
        .unwrap();
    let rule = |path: &str, rule: i32| {
        vec![PathRule {
            path: path.into(),
            rule,
        }]
    };
    let cases = [
        ("new", 0, rule("/a", 99), Reason::InvalidRule),
        ("new", 0, rule("/a", 0), Reason::InvalidRule),
        ("new", 0, rule("a", 5), Reason::InvalidRule),
        ("new", 9, Vec::new(), Reason::InvalidGranularity),
        ("No", 0, Vec::new(), Reason::InvalidName),
        ("_new", 0, Vec::new(), Reason::ReservedName),
        ("things", 0, Vec::new(), Reason::DatabaseExists),
    ];
    for (name, granularity, rules, expected) in cases {
        let database = Some(Database {
            name: name.into(),
            granularity,
            rules: rules.clone(),
            ..Database::default()
        });
        let status = service
            .create_database(CreateDatabaseRequest { database })
            .await
            .unwrap_err();
        let info = status.get_details_error_info().expect("every status has an ErrorInfo");
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            (expected.as_str(), "rejoin"),
            "{name} {rules:?}"
        );
    }
    let status = service
        .create_database(CreateDatabaseRequest { database: None })
        .await
        .unwrap_err();
    assert_eq!(
        status.get_details_error_info().unwrap().reason,
        Reason::InvalidMessage.as_str()
    );
    assert_eq!(node.client.databases().await.unwrap().len(), 1);
    node.stop().await;
}
