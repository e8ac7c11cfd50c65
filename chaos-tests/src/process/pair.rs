//! Two datacenters on this machine, connected directly or through proxies.

use std::net::SocketAddr;
use std::path::Path;

use rejoin_client::Client;
use tempfile::TempDir;

use super::{Node, NodeOptions, free_addresses};
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
        let (east, west) = two_addresses()?;
        Self::start(east, west, west, east, Vec::new()).await
    }

    /// Starts two nodes that dial each other through a proxy in each direction.
    ///
    /// # Errors
    /// As for [`Pair::direct`].
    pub async fn proxied() -> anyhow::Result<Self> {
        let (east, west) = two_addresses()?;
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
        let directory = super::directory()?;
        let node = |datacenter: &str, grpc, peer: &str, dialled| -> anyhow::Result<NodeOptions> {
            let mut options = NodeOptions::new(datacenter, directory.path(), grpc)?;
            options.peers = vec![(peer.to_owned(), dialled)];
            Ok(options)
        };
        let (east, west) = tokio::try_join!(
            Node::start(node(EAST, east, WEST, dialled_west)?),
            Node::start(node(WEST, west, EAST, dialled_east)?),
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

fn two_addresses() -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let addresses = free_addresses(2)?;
    Ok((addresses[0], addresses[1]))
}
