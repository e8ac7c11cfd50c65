//! A link over a connection that lies: open, but nothing comes through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{TestNode, free_address, wait_for_equal_digests};
use rejoin_client::LinkState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Forwards connections. While it holds its breath, those that are open stay open and carry nothing; a connection that
/// lived then never carries anything again.
#[derive(Clone)]
struct Proxy {
    address: SocketAddr,
    silent: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            silent: Arc::default(),
            accepted: Arc::default(),
        };
        let this = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                this.accepted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(this.clone().carry(client, target));
            }
        });
        proxy
    }

    async fn carry(self, client: TcpStream, target: SocketAddr) {
        let Ok(server) = TcpStream::connect(target).await else {
            return;
        };
        let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
        tokio::join!(
            self.clone().copy(client_in, server_out),
            self.copy(server_in, client_out)
        );
    }

    async fn copy(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if self.silent.load(Ordering::SeqCst) {
                // Both sockets stay open: neither end learns anything.
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_is_noticed_and_dialled_again() {
    let (east_address, west_address) = (free_address(), free_address());
    let (to_east, to_west) = (Proxy::start(east_address).await, Proxy::start(west_address).await);
    let mut east = TestNode::start("dc-east", east_address, &[("dc-west", to_west.address)]).await;
    let mut west = TestNode::start("dc-west", west_address, &[("dc-east", to_east.address)]).await;
    east.create_things().await;
    east.create("a", "{}").await;
    west.wait_for_body("a", "{}").await;
    east.wait_for_link("dc-west", LinkState::Connected).await;

    to_east.silent.store(true, Ordering::SeqCst);
    to_west.silent.store(true, Ordering::SeqCst);
    east.wait_for_link("dc-west", LinkState::Partitioned).await;
    west.wait_for_link("dc-east", LinkState::Partitioned).await;
    east.create("b", "{}").await;
    west.create("c", "{}").await;

    let before = to_west.accepted.load(Ordering::SeqCst);
    to_east.silent.store(false, Ordering::SeqCst);
    to_west.silent.store(false, Ordering::SeqCst);
    west.wait_for_body("b", "{}").await;
    east.wait_for_body("c", "{}").await;
    wait_for_equal_digests(&[&east, &west]).await;
    assert!(
        to_west.accepted.load(Ordering::SeqCst) > before,
        "the dead connection was given up"
    );
    east.stop().await;
    west.stop().await;
}
