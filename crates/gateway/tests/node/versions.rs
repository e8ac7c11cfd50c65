//! Versions that do not fit: both sides of a link say so, and so does a node that finds the data of another version.

use std::io::Read;
use std::time::Duration;

use crate::common::{DEADLINE, TestNode, free_address};
use crate::player::Player;
use crate::process::{command, read_until, serve, signal};
use rejoin_api::proto::pull_request::Message as Asked;
use rejoin_api::proto::pull_response::Message as Answer;
use rejoin_api::proto::sync_service_client::SyncServiceClient;
use rejoin_api::proto::{Hello, PullRequest, PullResponse, RefusalReason, Welcome};
use rejoin_client::LinkState;
use rejoin_store::{Batch, Durability, Engine, Family, RocksEngine, RocksOptions};
use tokio_stream::StreamExt;

/// The end of what both sides say.
const WHAT_TO_DO: &str = "run the same version of rejoin in both datacenters";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_a_later_protocol_is_refused_and_the_link_says_which() {
    // Only the version and the name are where they always are.
    let welcome = Welcome {
        protocol: 2,
        datacenter: "dc-west".to_owned(),
        ..Welcome::default()
    };
    let message = Some(Answer::Welcome(welcome));
    let later = Player::new(vec![PullResponse { message }]);
    let mut node = TestNode::start("dc-east", free_address(), &[("dc-west", later.serve().await)]).await;
    node.wait_for_link("dc-west", LinkState::Refused).await;
    let status = node.client.status().await.unwrap();
    let reason = status.links[0].reason.clone().unwrap();
    let expected = "the peer speaks version 2 of the link protocol, and this node version 1";
    assert!(reason.starts_with(expected) && reason.contains(WHAT_TO_DO), "{reason}");
    let asked = later.asked();
    assert!(
        asked.iter().all(|asked| matches!(asked, Asked::Hello(_))),
        "it greets, and no more: {asked:?}"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_puller_that_speaks_a_later_protocol_is_told_and_the_log_of_the_server_says_which() {
    let (data, address) = (tempfile::tempdir().unwrap(), free_address());
    let mut node = serve(data.path(), &address.to_string(), &[]);
    let (_, log) = read_until(node.stderr.take().unwrap(), "ready");
    let hello = Hello {
        protocol: 2,
        datacenter: "dc-west".to_owned(),
        ..Hello::default()
    };
    let request = PullRequest {
        message: Some(Asked::Hello(hello)),
    };
    let mut client = SyncServiceClient::connect(format!("http://{address}")).await.unwrap();
    let requests = tokio_stream::once(request).chain(tokio_stream::pending());
    let mut answers = client.pull(requests).await.unwrap().into_inner();
    let answer = tokio::time::timeout(DEADLINE, answers.message())
        .await
        .expect("in time");
    let Some(Answer::Refused(refused)) = answer.unwrap().unwrap().message else {
        panic!("not refused")
    };
    assert_eq!((refused.reason(), refused.protocol), (RefusalReason::Protocol, 1));
    let told = tokio::task::spawn_blocking(|| read_until(log, "a link to this node was refused"));
    let (lines, _rest) = tokio::time::timeout(Duration::from_secs(60), told)
        .await
        .unwrap()
        .unwrap();
    let line = lines.last().unwrap();
    for expected in [
        "WARN",
        "dc-west",
        "the peer speaks version 2 of the link protocol",
        WHAT_TO_DO,
    ] {
        assert!(line.contains(expected), "{expected} is missing in {line}");
    }
    signal(&node, "TERM");
    assert!(node.wait().unwrap().success());
}

#[test]
fn a_data_directory_of_another_format_ends_with_1_and_says_which_it_is() {
    let data = tempfile::tempdir().unwrap();
    let engine = RocksEngine::open(data.path(), &RocksOptions::default()).unwrap();
    let mut batch = Batch::new();
    batch.put(Family::Meta, b"format".to_vec(), 9u32.to_be_bytes().to_vec());
    engine.write(batch, Durability::Synced).unwrap();
    drop(engine);
    let address = free_address().to_string();
    let arguments = ["--datacenter", "dc-east", "--grpc", &address];
    let mut node = command(&arguments);
    node.arg("--data").arg(data.path()).stderr(std::process::Stdio::piped());
    let mut node = node.spawn().unwrap();
    let mut errors = String::new();
    node.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(node.wait().unwrap().code(), Some(1), "{errors}");
    for expected in ["has format 9", "reads format 3", "run the version that wrote it"] {
        assert!(errors.contains(expected), "{expected} is missing in {errors}");
    }
}
