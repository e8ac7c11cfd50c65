//! Two to five datacenters on this machine, each with one node, connected through proxies.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use tempfile::TempDir;

use super::{BadDisk, Node, NodeOptions, SmallDisk, free_addresses, hurried};
use crate::network::Proxy;
use crate::plan::{Plan, Topology};

/// Enough for a node that is not filled up on purpose.
const DISK_MEBIBYTES: u32 = 256;

/// How a node dials another one.
#[derive(Debug)]
pub struct Wire {
    /// Who dials.
    pub from: usize,
    /// Who is dialled.
    pub to: usize,
    /// What they are connected through.
    pub proxy: Proxy,
}

/// Running nodes; everything of them goes when this is dropped: first the processes, then the disks, then the directory.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Two for each edge of the topology.
    pub wires: Vec<Wire>,
    /// The small disk of the first node, where there can be one. The others lie on the machine's.
    pub disk: Option<SmallDisk>,
    /// What spoils the syncs of each node, where it can.
    pub syncs: Vec<BadDisk>,
    directory: TempDir,
}

impl Cluster {
    /// Starts `count` nodes that dial each other through a proxy in each direction.
    ///
    /// # Errors
    /// There is no binary, or a node does not start.
    pub async fn start(topology: Topology, count: usize) -> anyhow::Result<Self> {
        let directory = super::directory()?;
        let mut addresses = free_addresses(2 * count)?;
        let http = addresses.split_off(count);
        let wires = wires(topology, &addresses).await?;
        let (mut disk, mut syncs, mut starting) = (None, Vec::new(), Vec::new());
        for (number, address) in addresses.iter().enumerate() {
            let mut options = NodeOptions::new(&Plan::datacenter(number), directory.path(), *address)?;
            options.settings = hurried();
            options.http = http.get(number).copied();
            if number == 0 && SmallDisk::unavailable().is_none() {
                disk = Some(SmallDisk::mount(&options.data(), DISK_MEBIBYTES)?);
            }
            if let Ok(spoiled) = BadDisk::create(&options.directory.join("syncs")) {
                options.settings.extend(spoiled.environment());
                syncs.push(spoiled);
            }
            let dialled = wires.iter().filter(|wire| wire.from == number);
            options.peers = dialled
                .map(|wire| (Plan::datacenter(wire.to), wire.proxy.address()))
                .collect();
            starting.push(options);
        }
        let nodes = Node::start_all(starting).await?;
        Ok(Self {
            nodes,
            wires,
            disk,
            syncs,
            directory,
        })
    }

    /// The directory of all nodes; also the place for a log of the clients.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The two wires of an edge, the one that `from` dials first.
    ///
    /// # Errors
    /// There is no such edge.
    pub fn wires_of(&self, (from, to): (usize, usize)) -> anyhow::Result<[&Wire; 2]> {
        let find = |from, to| self.wires.iter().find(|wire| (wire.from, wire.to) == (from, to));
        find(from, to)
            .zip(find(to, from))
            .map(|(out, back)| [out, back])
            .with_context(|| format!("{from} and {to} are not connected"))
    }

    /// Ends the faults of all proxies.
    pub fn resume_wires(&self) {
        for wire in &self.wires {
            wire.proxy.resume();
        }
    }
}

async fn wires(topology: Topology, addresses: &[SocketAddr]) -> anyhow::Result<Vec<Wire>> {
    let mut wires = Vec::new();
    for (a, b) in topology.edges(addresses.len()) {
        for (from, to) in [(a, b), (b, a)] {
            let proxy = Proxy::start(addresses[to]).await?;
            wires.push(Wire { from, to, proxy });
        }
    }
    Ok(wires)
}
