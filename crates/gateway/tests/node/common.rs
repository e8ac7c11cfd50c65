//! Nodes in this process, over loopback and with directories of their own.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use rejoin_api::Reason;
use rejoin_client::{Bytes, CallError, Client, ClientOptions, Database, Document, LinkState};
use rejoin_document::{Granularity, Rule, RuleSet};
use rejoin_gateway::config::{PeerSettings, Plan, Settings};
use rejoin_gateway::{Node, StartError};
use tempfile::TempDir;

/// How long a state may take to come about on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A node that a test can stop and start again.
pub(crate) struct TestNode {
    pub name: &'static str,
    pub address: SocketAddr,
    pub settings: Settings,
    pub client: Client,
    _data: TempDir,
    node: Option<Node>,
}

/// A free port of the loopback address. Another process may take it before the node does, which no test has met.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

/// Nodes `names[i]`, each with the peers that `peers` lists as pairs of indices (who pulls, from whom).
pub(crate) async fn start(names: &[&'static str], pulls: &[(usize, usize)]) -> Vec<TestNode> {
    let addresses: Vec<SocketAddr> = names.iter().map(|_| free_address()).collect();
    let mut nodes = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let peers = pulls.iter().filter(|(puller, _)| *puller == index);
        let peers: Vec<_> = peers.map(|(_, peer)| (names[*peer], addresses[*peer])).collect();
        nodes.push(TestNode::start(name, addresses[index], &peers).await);
    }
    nodes
}

/// Two nodes that pull from each other.
pub(crate) async fn pair() -> (TestNode, TestNode) {
    let mut nodes = start(&["dc-east", "dc-west"], &[(0, 1), (1, 0)]).await;
    let west = nodes.pop().unwrap();
    (nodes.pop().unwrap(), west)
}

/// A node alone, with the database `things`.
pub(crate) async fn node() -> TestNode {
    let node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    node
}

impl TestNode {
    pub(crate) async fn start(name: &'static str, address: SocketAddr, peers: &[(&str, SocketAddr)]) -> Self {
        let mut node = Self::prepared(name, address, peers);
        node.try_start().await.unwrap();
        node
    }

    /// A node with a directory of its own that is still to be made and started.
    pub(crate) fn prepared(name: &'static str, address: SocketAddr, peers: &[(&str, SocketAddr)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.node.datacenter = name.into();
        settings.node.data = data.path().join("data");
        settings.grpc.address = address;
        settings.links.heartbeat_ms = 200;
        settings.links.partition_after_ms = 1_000;
        settings.links.abandon_after_ms = 2_000;
        settings.links.connect_timeout_ms = 1_000;
        settings.links.backoff_max_ms = 500;
        settings.links.peers = peers.iter().map(|(name, address)| peer(name, *address)).collect();
        let client = client(address);
        Self {
            name,
            address,
            settings,
            client,
            _data: data,
            node: None,
        }
    }

    pub(crate) async fn try_start(&mut self) -> Result<(), StartError> {
        let plan = Plan::new(self.settings.clone()).unwrap();
        self.node = Some(rejoin_gateway::start(&plan, rejoin_store::system_clock).await?);
        Ok(())
    }

    /// The store of a node that runs, to do to it what no client can.
    pub(crate) fn store(&self) -> &rejoin_store::Store {
        self.node.as_ref().unwrap().store()
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(node) = self.node.take() {
            node.shutdown().await.unwrap();
        }
    }

    /// Creates `things`: a counter at `/stock`, a set at `/tags`, a greatest number at `/top`, otherwise registers.
    pub(crate) async fn create_things(&self) {
        let rules = [("/stock", Rule::Counter), ("/tags", Rule::Set), ("/top", Rule::Max)];
        self.client.create_database(&database("things", &rules)).await.unwrap();
    }

    pub(crate) async fn create(&self, id: &str, body: &str) {
        self.client.create("things", id, text(body)).await.unwrap();
    }

    pub(crate) async fn update(&self, id: &str, body: &str) {
        self.client.update("things", id, text(body), None).await.unwrap();
    }

    pub(crate) async fn get(&self, id: &str) -> Option<Document> {
        match self.client.get("things", id).await {
            Ok(document) => Some(document),
            Err(error) => {
                let absent = [Some(Reason::DocumentNotFound), Some(Reason::DatabaseNotFound)];
                assert!(absent.contains(&error.reason()), "{error}");
                None
            }
        }
    }

    pub(crate) async fn body(&self, id: &str) -> Option<String> {
        self.get(id)
            .await
            .map(|document| String::from_utf8(document.body.to_vec()).unwrap())
    }

    pub(crate) async fn digest(&self) -> Bytes {
        self.client.digest().await.unwrap()
    }

    pub(crate) async fn link_state(&self, peer: &str) -> LinkState {
        let status = self.client.status().await.unwrap();
        status.links.iter().find(|link| link.datacenter == peer).unwrap().state
    }

    /// Waits until the link from which this node pulls is in `state`; a failure says how it stands instead.
    pub(crate) async fn wait_for_link(&self, peer: &str, state: LinkState) {
        let end = Instant::now() + DEADLINE;
        loop {
            let status = self.client.status().await.unwrap();
            let link = status.links.iter().find(|link| link.datacenter == peer).unwrap();
            if link.state == state {
                return;
            }
            assert!(
                Instant::now() < end,
                "{} wants its link {state:?}, it is {link:?}",
                self.name
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a document shows `body`.
    pub(crate) async fn wait_for_body(&self, id: &str, body: &str) {
        let what = format!("{id} shows {body} at {}", self.name);
        eventually(&what, async || self.body(id).await.as_deref() == Some(body)).await;
    }
}

/// Waits until all nodes have the same digest.
pub(crate) async fn wait_for_equal_digests(nodes: &[&TestNode]) {
    eventually("all digests are equal", async || {
        let first = nodes[0].digest().await;
        for node in &nodes[1..] {
            if node.digest().await != first {
                return false;
            }
        }
        true
    })
    .await;
}

/// Polls until `condition` holds, up to the deadline.
pub(crate) async fn eventually<C, F>(what: &str, condition: C)
where
    C: Fn() -> F,
    F: Future<Output = bool>,
{
    let end = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn peer(name: &str, address: SocketAddr) -> PeerSettings {
    PeerSettings {
        datacenter: name.into(),
        address: format!("http://{address}"),
    }
}

pub(crate) fn client(address: SocketAddr) -> Client {
    let options = ClientOptions {
        request_bytes_max: 64 << 20,
        ..ClientOptions::default()
    };
    Client::with_options(&format!("http://{address}"), options).unwrap()
}

pub(crate) fn database(name: &str, rules: &[(&str, Rule)]) -> Database {
    let rules = RuleSet::new(rules.iter().copied()).unwrap();
    Database::new(name, Granularity::Field, rules)
}

pub(crate) fn text(body: &str) -> Bytes {
    Bytes::copy_from_slice(body.as_bytes())
}

/// The reason of a call that must have been refused.
pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, CallError>) -> Reason {
    let error = result.expect_err("the call is refused");
    error
        .reason()
        .unwrap_or_else(|| panic!("the error has no reason: {error}"))
}
