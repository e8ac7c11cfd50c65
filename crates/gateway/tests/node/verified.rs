//! `rejoin verify`: a difference that the links do not see is found, mended on the side that has it, and told.

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rejoin_client::{Acknowledge, LinkState, VerifiedPeer, WriteOptions};
use rejoin_document::{DatabaseName, Granularity, Incarnation, Limits, Position, RuleSet, Sequence, parse_body};
use rejoin_store::{
    Action, Apply, Conditions, DatabaseDefinition, DatabaseSettings, Item, MemoryEngine, Operation, Outcome, Progress,
    Store, StoreOptions, Watermark, WriteRequest,
};

use crate::common::{TestNode, eventually, free_address, pair, text, wait_for_equal_digests};

pub(crate) fn things() -> DatabaseName {
    "things".parse().unwrap()
}

fn commit(store: &Store, operation: Operation) -> Outcome {
    store.commit(vec![operation]).remove(0).unwrap()
}

/// A store of a third datacenter, which no node is linked with, holding the document `id`.
pub(crate) fn ghost(id: &str) -> Store {
    let options = StoreOptions::new("dc-ghost".parse().unwrap());
    let store = Store::open(Arc::new(MemoryEngine::new()), options).unwrap();
    commit(
        &store,
        Operation::CreateDatabase(DatabaseDefinition {
            name: things(),
            granularity: Granularity::Field,
            rules: Arc::new(RuleSet::default()),
            settings: DatabaseSettings::default(),
        }),
    );
    let body = parse_body(br#"{"from":"nowhere"}"#, &Limits::default()).unwrap();
    commit(
        &store,
        Operation::Write(WriteRequest {
            database: things(),
            id: id.parse().unwrap(),
            action: Action::Create { body: Arc::new(body) },
            conditions: Conditions::default(),
            request: None,
        }),
    );
    store
}

pub(crate) fn apply(node: &TestNode, items: Vec<Item>, progress: Option<Progress>) {
    let operation = Operation::Apply(Apply {
        peer: "dc-ghost".parse().unwrap(),
        database: things(),
        items,
        progress,
    });
    let outcome = commit(node.store(), operation);
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

/// Makes `without` believe that it has a document which only `with` has: no link will ever bring it.
pub(crate) async fn plant(with: &TestNode, without: &TestNode, id: &str) {
    let ghost = ghost(id);
    let (knowledge, _) = ghost.digest(&things()).unwrap();
    let incarnation = Incarnation(u64::from_be_bytes(ghost.identity().replica.0));
    let at = |sequence| Position {
        incarnation,
        sequence: Sequence(sequence),
    };
    let progress = Progress {
        greeted: without.store().identity().replica,
        from: at(0),
        to: at(1),
        watermark: Some(Watermark {
            knowledge,
            ..Watermark::default()
        }),
    };
    apply(without, Vec::new(), Some(progress));
    // With this acknowledgement the other node is told what `without` claims to know.
    let everywhere = WriteOptions {
        acknowledge: Some(Acknowledge {
            datacenters: None,
            timeout: Some(Duration::from_secs(30)),
        }),
        ..WriteOptions::default()
    };
    let (client, told) = (with.client.writing(everywhere), format!("told-{id}"));
    let written = client.create("things", &told, text("{}")).await.unwrap();
    assert!(written.pending_in.is_empty(), "{written:?}");
    apply(with, ghost.states(&things(), &[id.parse().unwrap()]).unwrap(), None);
    assert!(with.get(id).await.is_some() && without.get(id).await.is_none());
}

/// Two nodes that have compared themselves and found nothing.
async fn settled() -> (TestNode, TestNode) {
    let (east, west) = pair().await;
    east.create_things().await;
    east.create("a", "{}").await;
    west.wait_for_body("a", "{}").await;
    for node in [&east, &west] {
        let peers = node.client.verify(None, Duration::from_secs(30)).await.unwrap();
        assert!(peers.iter().all(VerifiedPeer::is_equal), "{peers:?}");
    }
    (east, west)
}

async fn verify(node: &TestNode) -> VerifiedPeer {
    let peers = node.client.verify(None, Duration::from_secs(30)).await.unwrap();
    let [peer] = <[VerifiedPeer; 1]>::try_from(peers).unwrap();
    peer
}

async fn command(node: &TestNode, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.arg("verify").args(more);
    command.args(["--address", &format!("http://{}", node.address)]);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_difference_is_mended_where_the_document_is_missing() {
    let (east, west) = settled().await;
    plant(&east, &west, "here").await;
    assert_ne!(east.digest().await, west.digest().await);
    let found = verify(&west).await;
    assert!(found.is_equal(), "{found:?}");
    let databases = found.databases.unwrap();
    let things = databases.iter().find(|database| database.name == "things").unwrap();
    assert_eq!(
        (things.buckets_differing, things.documents_differing),
        (1, 1),
        "{things:?}"
    );
    assert_eq!(
        (&things.differing_ids[..], things.repaired),
        (&["here".to_owned()][..], 1),
        "{things:?}"
    );
    assert_eq!(things.documents, 3, "{things:?}");
    west.wait_for_body("here", r#"{"from":"nowhere"}"#).await;
    wait_for_equal_digests(&[&east, &west]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_of_the_peers_is_mended_by_the_peer() {
    let (east, west) = settled().await;
    plant(&east, &west, "there").await;
    let found = verify(&east).await;
    assert!(found.is_equal(), "{found:?}");
    let databases = found.databases.unwrap();
    let things = databases.iter().find(|database| database.name == "things").unwrap();
    assert_eq!((things.documents_differing, things.repaired), (1, 0), "{things:?}");
    assert!(west.get("there").await.is_some());
    wait_for_equal_digests(&[&east, &west]).await;

    let told = command(&east, &["dc-west"]).await;
    let printed = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.status.success() && printed.ends_with("equal with 1 of 1 peers\n"),
        "{printed}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_cannot_be_compared_with_is_told_and_is_a_failure() {
    let (at_east, at_west) = (free_address(), free_address());
    let peers = [("dc-west", at_west), ("dc-north", free_address())];
    let east = TestNode::start("dc-east", at_east, &peers).await;
    let _west = TestNode::start("dc-west", at_west, &[("dc-east", at_east)]).await;
    east.create_things().await;
    east.wait_for_link("dc-west", LinkState::Connected).await;
    let told = command(&east, &["--json", "--wait", "20"]).await;
    assert_eq!(told.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let [west, north] = [&told["peers"][0], &told["peers"][1]];
    assert_eq!(
        (&west["datacenter"], &west["compared"], &west["equal"]),
        (&"dc-west".into(), &true.into(), &true.into())
    );
    assert_eq!(
        (&north["datacenter"], &north["compared"]),
        (&"dc-north".into(), &false.into())
    );
    assert!(north["reason"].as_str().unwrap().starts_with("the link is "), "{told}");

    let unknown = east.client.verify(Some("dc-south"), Duration::from_secs(1)).await;
    assert_eq!(crate::common::reason(unknown), rejoin_api::Reason::PeerUnknown);
    east.client.cut_link("dc-west").await.unwrap();
    let cut = async || {
        let peers = east
            .client
            .verify(Some("dc-west"), Duration::from_secs(5))
            .await
            .unwrap();
        peers[0].databases.as_ref().is_err_and(|reason| reason.contains("cut"))
    };
    eventually("a link that is cut is told", cut).await;
    let text = command(&east, &[]).await;
    let printed = String::from_utf8(text.stdout).unwrap();
    assert!(printed.contains("dc-west: not compared: the link is cut"), "{printed}");
    assert!(printed.ends_with("equal with 0 of 2 peers\n"), "{printed}");
    assert_eq!(Bytes::from(text.stderr), Bytes::new(), "it was said already");
}
