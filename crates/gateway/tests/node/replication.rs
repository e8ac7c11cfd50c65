//! Several nodes in one process: what is written at one arrives at the others, whatever happened to the links.

use crate::common::{DEADLINE, TestNode, database, eventually, pair, start, text, wait_for_equal_digests};
use rejoin_client::{CandidateKind, LinkState};
use rejoin_document::Rule;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_arrive_in_both_directions() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("a", r#"{"from":"east"}"#).await;
    west.wait_for_body("a", r#"{"from":"east"}"#).await;
    west.create("b", r#"{"from":"west"}"#).await;
    east.wait_for_body("b", r#"{"from":"west"}"#).await;
    west.client.delete("things", "a", None).await.unwrap();
    eventually("the deletion arrives", async || east.body("a").await.is_none()).await;
    wait_for_equal_digests(&[&east, &west]).await;
    east.wait_for_link("dc-west", LinkState::Connected).await;
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_diverges_and_heals_without_losing_a_write() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    let base = r#"{"name":"a","city":"x","stock":10,"tags":["t"],"note":"n","top":1}"#;
    east.create("a", base).await;
    east.create("gone", r#"{"v":1}"#).await;
    west.wait_for_body("gone", r#"{"v":1}"#).await;

    assert!(east.client.cut_link("dc-west").await.unwrap());
    assert!(!east.client.cut_link("dc-west").await.unwrap(), "it was cut before");
    east.wait_for_link("dc-west", LinkState::Cut).await;
    eventually("the other side is refused", async || {
        let state = west.link_state("dc-east").await;
        state == LinkState::Refused || state == LinkState::Partitioned
    })
    .await;

    east.update("a", r#"{"name":"east","city":"y","stock":13,"tags":["t","e"],"top":7}"#)
        .await;
    west.update(
        "a",
        r#"{"name":"west","city":"x","stock":9,"tags":["t","w"],"note":"edited","top":5}"#,
    )
    .await;
    east.client.delete("things", "gone", None).await.unwrap();
    west.update("gone", r#"{"v":2}"#).await;
    east.create("only-east", "{}").await;
    west.create("only-west", "{}").await;
    assert_ne!(east.digest().await, west.digest().await);
    assert!(west.body("only-east").await.is_none(), "nothing crosses a cut link");

    assert!(east.client.restore_link("dc-west").await.unwrap());
    west.wait_for_body("only-east", "{}").await;
    east.wait_for_body("only-west", "{}").await;
    wait_for_equal_digests(&[&east, &west]).await;

    let (at_east, at_west) = (east.get("a").await.unwrap(), west.get("a").await.unwrap());
    assert_eq!((&at_east.body, &at_east.revision), (&at_west.body, &at_west.revision));
    assert_eq!(at_east.conflicts, at_west.conflicts);
    let body = String::from_utf8(at_east.body.to_vec()).unwrap();
    for part in [r#""city":"y""#, r#""stock":12"#, r#""top":7"#, r#""note":"edited""#] {
        assert!(body.contains(part), "{part} is missing in {body}");
    }
    for tag in [r#""t""#, r#""e""#, r#""w""#] {
        assert!(body.contains(tag), "{tag} is missing in {body}");
    }
    assert_both_names_are_listed(&at_east);
    let gone = west.get("gone").await.expect("an edit that meets a deletion is shown");
    assert_eq!(gone.conflicts[0].path, "");

    assert_heal_reports(&east, &west).await;
    east.stop().await;
    west.stop().await;
}

fn assert_both_names_are_listed(document: &rejoin_client::Document) {
    let conflict = document
        .conflicts
        .iter()
        .find(|conflict| conflict.path == "/name")
        .expect("the names conflict");
    let mut values: Vec<(String, Option<String>)> = conflict
        .candidates
        .iter()
        .map(|candidate| match &candidate.kind {
            CandidateKind::Value(value) => (String::from_utf8(value.to_vec()).unwrap(), candidate.datacenter.clone()),
            other => panic!("{other:?} is no value"),
        })
        .collect();
    values.sort();
    let expected = [(r#""east""#, "dc-east"), (r#""west""#, "dc-west")];
    let expected = expected.map(|(value, datacenter)| (value.to_owned(), Some(datacenter.to_owned())));
    assert_eq!(values, expected);
}

async fn assert_heal_reports(east: &TestNode, west: &TestNode) {
    for (node, peer) in [(east, "dc-west"), (west, "dc-east")] {
        eventually("the heal is reported", async || {
            let heals = node.client.heals(10, None).await.unwrap().items;
            heals.iter().any(|heal| heal.digests_equal.is_some())
        })
        .await;
        let heals = node.client.heals(10, None).await.unwrap().items;
        let heal = heals
            .iter()
            .find(|heal| heal.documents_received > 0)
            .expect("one heal moved documents");
        assert_eq!(heal.datacenter, peer);
        assert_eq!(heal.digests_equal, Some(true));
        assert_eq!(heal.repaired, 0);
        assert!(heal.converged.unwrap() >= heal.healed && heal.healed >= heal.broken);
        let status = node.client.status().await.unwrap();
        assert_eq!(status.databases[0].conflicts, 2);
        // What a peer knows of definitions is heard of after the documents.
        eventually("nothing is warned of", async || {
            node.client.status().await.unwrap().warnings.is_empty()
        })
        .await;
    }
    // Who receives the other's state first merges; the other side may get the merged state and only take it over.
    let (mut listed, mut merged) = (Vec::new(), 0);
    for node in [east, west] {
        for heal in node.client.heals(10, None).await.unwrap().items {
            listed.extend(heal.conflict_ids);
            merged += heal.merged;
        }
    }
    assert!(merged >= 2, "both documents were merged somewhere");
    for id in ["things/a", "things/gone"] {
        assert!(
            listed.iter().any(|listed| listed == id),
            "{id} is in no report: {listed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_replicate_with_their_rules_and_equal_creations_merge() {
    let (mut east, mut west) = pair().await;
    east.wait_for_link("dc-west", LinkState::Connected).await;
    west.wait_for_link("dc-east", LinkState::Connected).await;
    east.client.cut_link("dc-west").await.unwrap();
    east.create_things().await;
    west.create_things().await;
    east.client
        .create_database(&database("other", &[("/n", Rule::Counter)]))
        .await
        .unwrap();
    east.client.restore_link("dc-west").await.unwrap();

    eventually("the definition arrives", async || {
        west.client.databases().await.unwrap().len() == 2
    })
    .await;
    let names = |databases: Vec<rejoin_client::Database>| -> Vec<String> {
        databases
            .into_iter()
            .map(|database| format!("{} {:?}", database.name, database.rules))
            .collect()
    };
    assert_eq!(
        names(east.client.databases().await.unwrap()),
        names(west.client.databases().await.unwrap())
    );
    let float = west.client.create("other", "a", text(r#"{"n":1.5}"#)).await;
    assert_eq!(
        crate::common::reason(float),
        rejoin_api::Reason::CounterNotInteger,
        "the rule came with the definition"
    );
    wait_for_equal_digests(&[&east, &west]).await;
    eventually("nothing is warned of", async || {
        west.client.status().await.unwrap().warnings.is_empty()
    })
    .await;
    let (_, created) = west
        .client
        .create_database(&database("other", &[("/n", Rule::Counter)]))
        .await
        .unwrap();
    assert!(!created, "the same definition again");
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_three_nodes_forwards_in_both_directions() {
    let mut nodes = start(&["dc-a", "dc-b", "dc-c"], &[(0, 1), (1, 0), (1, 2), (2, 1)]).await;
    nodes[0].create_things().await;
    nodes[0].create("from-a", r#"{"a":1}"#).await;
    nodes[2].wait_for_body("from-a", r#"{"a":1}"#).await;
    nodes[2].create("from-c", r#"{"c":1}"#).await;
    nodes[0].wait_for_body("from-c", r#"{"c":1}"#).await;
    wait_for_equal_digests(&nodes.iter().collect::<Vec<_>>()).await;
    for node in &mut nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_survives_a_restart_on_the_side_that_made_it() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("a", "{}").await;
    west.wait_for_body("a", "{}").await;
    east.client.cut_link("dc-west").await.unwrap();
    east.stop().await;
    east.try_start().await.unwrap();

    east.wait_for_link("dc-west", LinkState::Cut).await;
    east.create("b", "{}").await;
    west.create("c", "{}").await;
    west.wait_for_link("dc-east", LinkState::Refused).await;
    assert!(west.body("b").await.is_none() && east.body("c").await.is_none());
    assert!(east.client.restore_link("dc-west").await.unwrap());
    west.wait_for_body("b", "{}").await;
    east.wait_for_body("c", "{}").await;
    wait_for_equal_digests(&[&east, &west]).await;
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_does_not_slow_local_writes_and_catches_up_later() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("a", "{}").await;
    west.wait_for_body("a", "{}").await;
    // A connection that was there and is lost, not one that never came about.
    east.wait_for_link("dc-west", LinkState::Connected).await;
    west.stop().await;
    east.wait_for_link("dc-west", LinkState::Partitioned).await;
    let begin = std::time::Instant::now();
    for number in 0..100 {
        east.update("a", &format!(r#"{{"n":{number}}}"#)).await;
    }
    assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
    west.try_start().await.unwrap();
    west.wait_for_body("a", r#"{"n":99}"#).await;
    wait_for_equal_digests(&[&east, &west]).await;
    east.stop().await;
    west.stop().await;
}
