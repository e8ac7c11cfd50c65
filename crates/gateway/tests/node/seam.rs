//! A node runs without TCP, without RocksDB and without a thread beside the test's own: what a simulation needs.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rejoin_api::proto::admin_service_client::AdminServiceClient;
use rejoin_api::proto::database_service_client::DatabaseServiceClient;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::proto::{
    CreateDatabaseRequest, CreateDocumentRequest, Database, GetDocumentRequest, GetStatusRequest, Link, LinkState,
};
use rejoin_document::DatacenterName;
use rejoin_gateway::config::{Plan, Settings};
use rejoin_gateway::{Connection, Incoming, Node, Parts, Pending, Transport};
use rejoin_store::{MemoryEngine, Place, Store, StoreOptions, system_clock};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::transport::{Channel, Endpoint, Uri};

use crate::common::{peer, text};

/// A network in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<SocketAddr, mpsc::Sender<Connection>>>>);

impl Transport for Memory {
    fn connect(&self, address: Uri) -> Pending<Connection> {
        let address: SocketAddr = address.authority().unwrap().as_str().parse().unwrap();
        let listener = self.0.lock().unwrap().get(&address).cloned();
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            let listener = listener.ok_or_else(refused)?;
            listener.send(Connection::new(theirs)).await.map_err(|_| refused())?;
            Ok(Connection::new(ours))
        })
    }

    fn listen(&self, address: SocketAddr) -> Pending<(SocketAddr, Incoming)> {
        let (sender, receiver) = mpsc::channel(16);
        self.0.lock().unwrap().insert(address, sender);
        let incoming: Incoming = Box::pin(ReceiverStream::new(receiver).map(Ok));
        Box::pin(std::future::ready(Ok((address, incoming))))
    }
}

async fn start(network: &Memory, name: &str, own: SocketAddr, other: (&str, SocketAddr)) -> Node {
    let mut settings = Settings::default();
    settings.node.datacenter = name.into();
    settings.node.data = "unused".into();
    settings.grpc.address = own;
    settings.links.peers = vec![peer(other.0, other.1)];
    let mut options = StoreOptions::new(name.parse::<DatacenterName>().unwrap());
    options.peers = vec![other.0.parse().unwrap()];
    options.place = Place::default();
    let store = Store::open(Arc::new(MemoryEngine::new()), options).unwrap();
    let transport: Arc<dyn Transport> = Arc::new(network.clone());
    let listening = transport.listen(own).await.unwrap();
    let parts = Parts {
        store,
        queue: None,
        transport,
        listening,
        http: Vec::new(),
        tls: None,
        wall: system_clock,
        seed: 7,
    };
    Node::start(&Plan::new(settings).unwrap(), parts).unwrap()
}

fn channel(network: &Memory, address: SocketAddr) -> Channel {
    let network = network.clone();
    let connector = tower::service_fn(move |uri| {
        let connecting = network.connect(uri);
        async move { connecting.await.map(TokioIo::new) }
    });
    Endpoint::new(format!("http://{address}"))
        .unwrap()
        .connect_with_connector_lazy(connector)
}

#[tokio::test(flavor = "current_thread")]
async fn two_nodes_replicate_over_a_network_in_memory_on_one_thread() {
    let network = Memory::default();
    let (one, two) = (
        SocketAddr::from(([127, 0, 0, 1], 1)),
        SocketAddr::from(([127, 0, 0, 1], 2)),
    );
    let east = start(&network, "dc-east", one, ("dc-west", two)).await;
    let west = start(&network, "dc-west", two, ("dc-east", one)).await;

    let database = Database {
        name: "things".into(),
        ..Database::default()
    };
    let request = CreateDatabaseRequest {
        database: Some(database),
    };
    DatabaseServiceClient::new(channel(&network, one))
        .create_database(request)
        .await
        .unwrap();
    let request = CreateDocumentRequest {
        database: "things".into(),
        id: "a".into(),
        body: text("{}"),
        ..CreateDocumentRequest::default()
    };
    DocumentServiceClient::new(channel(&network, one))
        .create_document(request)
        .await
        .unwrap();

    let mut reader = DocumentServiceClient::new(channel(&network, two));
    let arrived = async {
        let request = GetDocumentRequest {
            database: "things".into(),
            id: "a".into(),
            revision: None,
            ..GetDocumentRequest::default()
        };
        while reader.get_document(request.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::common::DEADLINE, arrived)
        .await
        .expect("it arrives");
    drop(reader);
    east.shutdown().await.unwrap();
    west.shutdown().await.unwrap();
}

/// The only link of a node once it is in a state.
async fn link_in(network: &Memory, address: SocketAddr, state: LinkState) -> Link {
    let mut admin = AdminServiceClient::new(channel(network, address));
    let reached = async {
        loop {
            let status = admin.get_status(GetStatusRequest {}).await.unwrap().into_inner();
            if let [link] = status.links.as_slice()
                && link.state() == state
            {
                return link.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::common::DEADLINE, reached).await.unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_node_of_a_datacenter_that_is_linked_is_refused_until_the_first_is_gone() {
    let network = Memory::default();
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let (one, two, three) = (address(1), address(2), address(3));
    let west = start(&network, "dc-west", two, ("dc-east", one)).await;
    let east = start(&network, "dc-east", one, ("dc-west", two)).await;
    link_in(&network, one, LinkState::Connected).await;
    link_in(&network, two, LinkState::Connected).await;

    let copy = start(&network, "dc-east", three, ("dc-west", two)).await;
    let refused = link_in(&network, three, LinkState::Refused).await;
    assert!(
        refused.reason.contains("another node of this datacenter is linked"),
        "{}",
        refused.reason
    );
    link_in(&network, one, LinkState::Connected).await;

    east.shutdown().await.unwrap();
    network.0.lock().unwrap().remove(&one);
    link_in(&network, three, LinkState::Connected).await;
    copy.shutdown().await.unwrap();
    west.shutdown().await.unwrap();
}
