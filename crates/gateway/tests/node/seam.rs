//! A node runs without TCP, without RocksDB and without a thread beside the test's own: what a simulation needs.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rejoin_api::proto::database_service_client::DatabaseServiceClient;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::proto::{CreateDatabaseRequest, CreateDocumentRequest, Database, GetDocumentRequest};
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
