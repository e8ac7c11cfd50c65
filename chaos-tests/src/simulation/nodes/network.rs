//! The simulated network, for nodes and for clients.

use std::io;
use std::net::SocketAddr;

use rejoin_client::Dialler;
use rejoin_gateway::{Connection, Incoming, Pending, Transport};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Uri;
use turmoil::net::{TcpListener, TcpStream};

use super::wire::Wire;

/// Connections that may wait to be served.
const WAITING_MAX: usize = 64;

/// The port of every node.
pub(super) const PORT: u16 = 7601;

/// What carries the bytes of simulated machines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SimulatedNetwork;

impl Transport for SimulatedNetwork {
    fn connect(&self, address: Uri) -> Pending<Connection> {
        Box::pin(async move { connect(&address).await.map(Connection::new) })
    }

    fn listen(&self, address: SocketAddr) -> Pending<(SocketAddr, Incoming)> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            let bound = listener.local_addr()?;
            let (sender, receiver) = tokio::sync::mpsc::channel(WAITING_MAX);
            tokio::spawn(async move {
                loop {
                    let accepted = listener.accept().await.and_then(|(stream, _)| Wire::new(stream));
                    if sender.send(accepted.map(Connection::new)).await.is_err() {
                        return;
                    }
                }
            });
            let incoming: Incoming = Box::pin(ReceiverStream::new(receiver));
            Ok((bound, incoming))
        })
    }
}

/// The same network for clients.
pub(super) fn dialler() -> Dialler {
    Dialler::new(|address| {
        Box::pin(async move {
            let stream: rejoin_client::Stream = Box::pin(connect(&address).await?);
            Ok(stream)
        })
    })
}

/// The address of a node, as peers and clients are told it.
pub(super) fn address(node: &str) -> String {
    format!("http://{node}:{PORT}")
}

async fn connect(address: &Uri) -> io::Result<Wire> {
    let authority = address
        .authority()
        .ok_or_else(|| io::Error::other("the address names no host"))?;
    Wire::new(TcpStream::connect(authority.as_str().to_owned()).await?)
}
