//! Records what this version writes on a disk and says on a link, for later ones to read: `recordings/README.md`.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin_api::proto::pull_request::Message as Asked;
use rejoin_api::proto::pull_response::Message as Answer;
use rejoin_api::proto::sync_service_client::SyncServiceClient;
use rejoin_api::proto::sync_service_server::{SyncService, SyncServiceServer};
use rejoin_api::proto::{PullRequest, PullResponse};
use rejoin_client::{Batch, Choice, Database, LinkState, VerifiedPeer};
use rejoin_document::{Granularity, RuleSet};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, Streaming};

use crate::common::{TestNode, database, eventually, free_address, text, wait_for_equal_digests};
use crate::listing;
use crate::verified::plant;

/// What a node of dc-east holds and shows, and the link from which a new node of dc-north pulled all of it.
pub(crate) struct Recorded {
    /// A copy of the data directory.
    pub(crate) data: TempDir,
    pub(crate) shown: Value,
    pub(crate) kept: Value,
    pub(crate) requests: Vec<PullRequest>,
    pub(crate) responses: Vec<PullResponse>,
}

/// Lets three datacenters work, and records the first of them.
pub(crate) async fn record() -> Recorded {
    let [at_east, at_west, at_north] = [(); 3].map(|()| free_address());
    let peers = [("dc-west", at_west), ("dc-north", at_north)];
    let mut east = TestNode::start("dc-east", at_east, &peers).await;
    let mut west = TestNode::start("dc-west", at_west, &[("dc-east", at_east)]).await;
    diverge_and_heal(&east, &west).await;
    // What is written so far goes to tables, what follows stays in the log.
    let compacted = east.client.compact(None, Duration::from_secs(30)).await;
    compacted.unwrap();
    after_the_heal(&east, &west).await;

    let recorder = Recorder::new(at_east);
    let mut north = TestNode::start("dc-north", at_north, &[("dc-east", recorder.serve().await)]).await;
    north.wait_for_link("dc-east", LinkState::Connected).await;
    east.wait_for_link("dc-north", LinkState::Connected).await;
    wait_for_equal_digests(&[&east, &west, &north]).await;
    // With a difference that no log tells of, so that the link carries a comparison and a repair.
    plant(&east, &north, "mended").await;
    let compared = north.client.verify(Some("dc-east"), Duration::from_secs(30)).await;
    assert!(compared.unwrap().iter().all(VerifiedPeer::is_equal));
    wait_for_equal_digests(&[&east, &west, &north]).await;
    north.stop().await;
    west.stop().await;

    let (shown, kept) = (listing::shown(&east).await, listing::kept(&east).await);
    east.stop().await;
    let data = tempfile::tempdir().unwrap();
    copy_data(&east.settings.node.data, data.path());
    let (requests, responses) = recorder.recorded();
    Recorded {
        data,
        shown,
        kept,
        requests,
        responses,
    }
}

/// The databases `things` and `pages`: what one side writes, what both do in a partition, and what becomes of that.
async fn diverge_and_heal(east: &TestNode, west: &TestNode) {
    east.create_things().await;
    let pages = Database::new("pages", Granularity::Document, RuleSet::default());
    east.client.create_database(&pages).await.unwrap();
    east.create(
        "met",
        r#"{"name":"a","city":"x","stock":10,"tags":["t"],"note":"n","top":1}"#,
    )
    .await;
    for id in ["deletion-meets-edit", "decided", "deleted"] {
        east.create(id, r#"{"v":1,"stock":1}"#).await;
    }
    east.create("exact", r#"{"big":123456789012345678901234567890,"small":1e-400,"zero":-0.0,"text":"\u00e9\ud83d\ude00\n","deep":[{"a":[null,true]}]}"#)
        .await;
    for id in ["split", "page"] {
        east.client.create("pages", id, text(r#"{"n":1}"#)).await.unwrap();
    }
    eventually("west has all", async || {
        west.client.get("pages", "page").await.is_ok() && west.body("exact").await.is_some()
    })
    .await;

    east.client.cut_link("dc-west").await.unwrap();
    east.wait_for_link("dc-west", LinkState::Cut).await;
    east.update(
        "met",
        r#"{"name":"east","city":"y","stock":13,"tags":["t","e"],"top":7}"#,
    )
    .await;
    west.update(
        "met",
        r#"{"name":"west","city":"x","stock":9,"tags":["t","w"],"note":"edited","top":5}"#,
    )
    .await;
    east.client.delete("things", "deletion-meets-edit", None).await.unwrap();
    west.update("deletion-meets-edit", r#"{"v":2,"stock":3}"#).await;
    east.client.delete("things", "deleted", None).await.unwrap();
    for (node, n) in [(east, 2), (west, 3)] {
        node.update("decided", &format!(r#"{{"v":{n},"stock":1}}"#)).await;
        let body = text(&format!(r#"{{"n":{n},"of":"{}"}}"#, node.name));
        node.client.update("pages", "split", body, None).await.unwrap();
    }
    let body = text(r#"{"n":4}"#);
    west.client.update("pages", "split", body, None).await.unwrap();
    east.client.restore_link("dc-west").await.unwrap();
    wait_for_equal_digests(&[east, west]).await;
}

/// A decision, more revisions, a batch that is seen whole or not at all, and a database that comes and goes.
async fn after_the_heal(east: &TestNode, west: &TestNode) {
    let choices = [("/v".to_owned(), Choice::From("dc-west".to_owned()))];
    east.client.resolve("things", "decided", &choices, None).await.unwrap();
    for n in 1..4 {
        let body = text(&format!(r#"{{"n":{n},"title":"p"}}"#));
        east.client.update("pages", "page", body, None).await.unwrap();
    }
    let batch = Batch::new().request_id("a-batch");
    let batch = ["batch-1", "batch-2"]
        .into_iter()
        .fold(batch, |batch, id| batch.create(id, text(r#"{"stock":2}"#)));
    east.client.write_batch("things", batch).await.unwrap();
    east.client.create_database(&database("gone", &[])).await.unwrap();
    east.client.create("gone", "a", text("{}")).await.unwrap();
    east.client.delete_database("gone").await.unwrap();
    wait_for_equal_digests(&[east, west]).await;
}

/// Copies what of a data directory is data: RocksDB writes its own log and its options anew at each start.
pub(crate) fn copy_data(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let file = entry.unwrap();
        let name = file.file_name().into_string().unwrap();
        let is_data = ["CURRENT", "IDENTITY"].contains(&name.as_str())
            || name.starts_with("MANIFEST-")
            || [".sst", ".log"].iter().any(|end| name.ends_with(end));
        if is_data {
            std::fs::copy(file.path(), to.join(name)).unwrap();
        }
    }
}

/// Stands between a puller and the server at an address, and keeps what both say.
#[derive(Clone)]
struct Recorder {
    server: SocketAddr,
    requests: Arc<Mutex<Vec<PullRequest>>>,
    responses: Arc<Mutex<Vec<PullResponse>>>,
}

impl Recorder {
    fn new(server: SocketAddr) -> Self {
        Self {
            server,
            requests: Arc::default(),
            responses: Arc::default(),
        }
    }

    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let service = SyncServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Zstd);
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    /// Both directions of the one stream. Of heartbeats that say nothing but the time the first is enough.
    fn recorded(&self) -> (Vec<PullRequest>, Vec<PullResponse>) {
        let (mut requests, mut responses) = (
            self.requests.lock().unwrap().clone(),
            self.responses.lock().unwrap().clone(),
        );
        let hellos = requests
            .iter()
            .filter(|request| matches!(request.message, Some(Asked::Hello(_))));
        assert_eq!(hellos.count(), 1, "the link broke while it was recorded: record again");
        let mut beats = 0;
        requests.retain(|request| match &request.message {
            Some(Asked::Heartbeat(beat)) if !beat.compare => {
                beats += 1;
                beats == 1
            }
            _ => true,
        });
        let mut beats = 0;
        responses.retain(|response| match &response.message {
            Some(Answer::Heartbeat(beat)) if beat.left.is_none() => {
                beats += 1;
                beats == 1
            }
            _ => true,
        });
        (requests, responses)
    }
}

#[tonic::async_trait]
impl SyncService for Recorder {
    type PullStream = Pin<Box<dyn Stream<Item = Result<PullResponse, Status>> + Send>>;

    async fn pull(&self, call: Request<Streaming<PullRequest>>) -> Result<Response<Self::PullStream>, Status> {
        let client = SyncServiceClient::connect(format!("http://{}", self.server)).await;
        let mut client = client.map_err(|error| Status::unavailable(error.to_string()))?;
        let (asked, answered) = (Arc::clone(&self.requests), Arc::clone(&self.responses));
        let requests = call.into_inner().map_while(move |request| {
            let request = request.ok()?;
            asked.lock().unwrap().push(request.clone());
            Some(request)
        });
        let responses = client.pull(requests).await?.into_inner().map(move |response| {
            if let Ok(response) = &response {
                answered.lock().unwrap().push(response.clone());
            }
            response
        });
        Ok(Response::new(Box::pin(responses)))
    }
}
