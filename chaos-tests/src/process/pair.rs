//! Two datacenters on this machine, connected directly or through proxies.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use rejoin_client::Client;
use tempfile::TempDir;

use super::{Node, NodeOptions, rejoin_binary};
use crate::network::Proxy;

/// The name of the first datacenter.
pub const EAST: &str = "dc-east";
/// The name of the second datacenter.
pub const WEST: &str = "dc-west";

/// Two running nodes and their directory, which goes when this is dropped (the processes first).
#[derive(Debug)]
pub struct Pair {
    /// The first node.
    pub east: Node,
    /// The second node.
    pub west: Node,
    /// The proxies that the nodes dial each other through: east to west, then west to east. Empty without them.
    pub proxies: Vec<Proxy>,
    directory: TempDir,
}

impl Pair {
    /// Starts two nodes that dial each other directly.
    ///
    /// # Errors
    /// There is no binary, or a node does not start.
    pub async fn direct() -> anyhow::Result<Self> {
        let [east, west] = free_addresses()?;
        Self::start(east, west, west, east, Vec::new()).await
    }

    /// Starts two nodes that dial each other through a proxy in each direction.
    ///
    /// # Errors
    /// As for [`Pair::direct`].
    pub async fn proxied() -> anyhow::Result<Self> {
        let [east, west] = free_addresses()?;
        let (to_west, to_east) = (Proxy::start(west).await?, Proxy::start(east).await?);
        let (dialled_west, dialled_east) = (to_west.address(), to_east.address());
        Self::start(east, west, dialled_west, dialled_east, vec![to_west, to_east]).await
    }

    async fn start(
        east: SocketAddr,
        west: SocketAddr,
        dialled_west: SocketAddr,
        dialled_east: SocketAddr,
        proxies: Vec<Proxy>,
    ) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("rejoin-")
            .tempdir()
            .context("no temporary directory")?;
        let binary = rejoin_binary()?;
        let node = |datacenter: &str, grpc, peer: &str, dialled| NodeOptions {
            binary: binary.clone(),
            datacenter: datacenter.to_owned(),
            directory: directory.path().join(datacenter),
            grpc,
            peers: vec![(peer.to_owned(), dialled)],
        };
        let (east, west) = tokio::try_join!(
            Node::start(node(EAST, east, WEST, dialled_west)),
            Node::start(node(WEST, west, EAST, dialled_east)),
        )?;
        Ok(Self {
            east,
            west,
            proxies,
            directory,
        })
    }

    /// The directory of both nodes; also the place for a log of the clients.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Both nodes.
    pub fn nodes(&self) -> [&Node; 2] {
        [&self.east, &self.west]
    }

    /// A client for each node.
    ///
    /// # Errors
    /// As for [`Node::client`].
    pub fn clients(&self) -> anyhow::Result<[Client; 2]> {
        Ok([self.east.client()?, self.west.client()?])
    }

    /// Ends the faults of all proxies.
    pub fn resume_links(&self) {
        for proxy in &self.proxies {
            proxy.resume();
        }
    }
}

/// Ports below the range from which the system takes those of outgoing connections and of proxies: nobody takes such a port by chance
/// while a node is down.
const PORTS: Range<u16> = 15_000..32_000;
const TRIES_MAX: usize = 100;

/// Two different free loopback addresses. They are free now; nothing keeps them until a node binds them.
fn free_addresses() -> anyhow::Result<[SocketAddr; 2]> {
    let bind = || {
        let drawn = (0..TRIES_MAX).map(|_| rand::random_range(PORTS));
        let mut bound = drawn.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
        bound.next().context("no free port")
    };
    let (first, second) = (bind()?, bind()?);
    Ok([first.local_addr()?, second.local_addr()?])
}
