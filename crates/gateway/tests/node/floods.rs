//! One client that asks for too much: it is refused at once, and the others are served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use rejoin_api::Reason;
use rejoin_api::proto::admin_service_client::AdminServiceClient;
use rejoin_api::proto::{self};
use rejoin_client::{Client, ClientOptions, Credentials, Watch, WatchFrom};
use tokio::net::TcpSocket;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::common::{TestNode, database, eventually, free_address, reason, text};
use crate::raw_calls;
use crate::users::UsersFile;

/// How long anything may take here on a busy machine: far less than a client waits that is shut out.
const SOON: Duration = Duration::from_secs(10);

const USERS: [(&str, &[&str]); 3] = [
    ("flood", &["things=writer"]),
    ("calm", &["things=writer"]),
    ("operator", &["*=admin"]),
];

/// A node with users and the database `things`, with its settings changed.
async fn node(users: &UsersFile, change: impl FnOnce(&mut TestNode)) -> TestNode {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.stop().await;
    node.settings.access.users = users.path();
    change(&mut node);
    node.try_start().await.unwrap();
    let operator = client(&node, users.credentials("operator"));
    operator.create_database(&database("things", &[])).await.unwrap();
    node
}

/// A client that is told at once what it is told.
fn client(node: &TestNode, credentials: Credentials) -> Client {
    let options = ClientOptions {
        credentials: Some(credentials),
        attempts_max: 1,
        deadline: Duration::from_secs(60),
        ..ClientOptions::default()
    };
    Client::with_options(&format!("http://{}", node.address), options).unwrap()
}

/// What became of the calls of a flood.
#[derive(Default)]
struct Flood {
    done: AtomicUsize,
    refused: AtomicUsize,
    other: AtomicUsize,
    over: AtomicBool,
}

/// Writes in a loop, many at once, until the flood is over; each is done, or refused soon.
async fn flood(client: Client, told: Arc<Flood>, number: usize) {
    while !told.over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let written = client
            .update("things", &format!("flood-{number}"), text("{}"), None)
            .await;
        match written.map_err(|error| error.reason()) {
            Ok(_) => told.done.fetch_add(1, Ordering::Relaxed),
            Err(Some(Reason::Overloaded)) if begun.elapsed() < SOON => told.refused.fetch_add(1, Ordering::Relaxed),
            Err(_) => told.other.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// Writes one after the other while another client floods: none is refused, and each is done soon.
async fn is_served_meanwhile(node: &TestNode, users: &UsersFile) {
    let told = Arc::new(Flood::default());
    let flooding = client(node, users.credentials("flood"));
    let flood: Vec<_> = (0..128)
        .map(|number| tokio::spawn(flood(flooding.clone(), Arc::clone(&told), number)))
        .collect();
    let refused = || told.refused.load(Ordering::Relaxed);
    eventually("the flood is refused", async || refused() > 100).await;
    let (calm, before) = (client(node, users.credentials("calm")), refused());
    for number in 0..50 {
        let begun = Instant::now();
        let written = calm
            .update("things", "calm", text(&format!("{{\"n\":{number}}}")), None)
            .await;
        written.unwrap_or_else(|error| panic!("write {number} of one within its share: {error}"));
        assert!(begun.elapsed() < SOON, "write {number} took {:?}", begun.elapsed());
    }
    assert!(refused() > before, "the flood went on meanwhile");
    told.over.store(true, Ordering::Relaxed);
    for task in flood {
        task.await.unwrap();
    }
    assert!(
        told.done.load(Ordering::Relaxed) > 0,
        "it has its own share all the same"
    );
    assert_eq!(
        told.other.load(Ordering::Relaxed),
        0,
        "refused late, or for something else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_that_floods_the_queue_of_writes_does_not_keep_out_another_one() {
    let users = UsersFile::with(&USERS);
    let mut node = node(&users, |node| node.settings.commit.waiting_max = 8).await;
    is_served_meanwhile(&node, &users).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_that_floods_with_calls_does_not_keep_out_another_one() {
    let users = UsersFile::with(&USERS);
    let mut node = node(&users, |node| {
        node.settings.limits.calls_max = 8;
        node.settings.limits.calls_per_client_max = 4;
    })
    .await;
    is_served_meanwhile(&node, &users).await;
    node.stop().await;
}

/// A watch that goes on for as long as it is read.
fn following() -> Watch {
    Watch {
        from: WatchFrom::Now,
        follow: true,
        ..Watch::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_count_until_they_end_and_what_is_refused_says_what_to_do() {
    let users = UsersFile::with(&USERS);
    let mut node = node(&users, |node| {
        node.settings.limits.calls_max = 8;
        node.settings.limits.calls_per_client_max = 4;
    })
    .await;
    let (flood, calm) = (
        client(&node, users.credentials("flood")),
        client(&node, users.credentials("calm")),
    );
    let mut watches = Vec::new();
    for _ in 0..4 {
        watches.push(flood.watch("things", &following()).await.unwrap());
    }
    let refused = flood.get("things", "a").await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::Overloaded), "{refused}");
    assert!(
        refused.to_string().contains("wait for answers before you send more"),
        "{refused}"
    );
    assert_eq!(
        reason(calm.get("things", "a").await),
        Reason::DocumentNotFound,
        "it is served"
    );
    drop(watches);
    eventually("a place is free once a stream has ended", async || {
        reason(flood.get("things", "a").await) == Reason::DocumentNotFound
    })
    .await;
    node.stop().await;
}

/// A connection from an address of the loopback network.
async fn connect_from(from: [u8; 4], to: SocketAddr) -> Result<Channel, tonic::transport::Error> {
    let connector = tower::service_fn(move |_| async move {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        Ok::<_, std::io::Error>(TokioIo::new(socket.connect(to).await?))
    });
    Endpoint::from_static("http://node")
        .connect_with_connector(connector)
        .await
}

async fn status_over(channel: &Channel) -> Result<(), Status> {
    let mut admin = AdminServiceClient::new(channel.clone());
    admin.get_status(proto::GetStatusRequest {}).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_share_of_an_address_are_told_so_and_others_are_served() {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.stop().await;
    node.settings.grpc.connections_max = 6;
    node.try_start().await.unwrap();
    let (flood, calm) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    let mut open = Vec::new();
    for _ in 0..3 {
        let channel = connect_from(flood, node.address).await.unwrap();
        status_over(&channel).await.unwrap();
        open.push(channel);
    }
    let beyond = connect_from(flood, node.address).await.unwrap();
    let refused = status_over(&beyond).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert_eq!(raw_calls::reason(&refused), "OVERLOADED");
    assert!(refused.message().contains("as many connections as it may"), "{refused}");
    let other = connect_from(calm, node.address).await.unwrap();
    status_over(&other).await.unwrap();
    drop((open, beyond));
    eventually("there is room again", async || {
        match connect_from(flood, node.address).await {
            Ok(channel) => status_over(&channel).await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    node.stop().await;
}
