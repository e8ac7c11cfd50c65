//! Real processes, each in a network namespace with addresses of its own.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use tempfile::TempDir;

use super::ground::Ground;
use super::hurt::{PROCESS_KINDS, Patient, cannot_befall};
use super::proxied::last_words;
use super::{Kind, Trouble};
use crate::history::Recorder;
use crate::network::{GRPC_PORT, Namespaces, Shape};
use crate::plan::{Plan, Topology};
use crate::process::{Node, NodeOptions, directory, hurried};
use crate::workload::Site;

const FILTER_KINDS: [Kind; 7] = [
    Kind::Partition,
    Kind::OneWay,
    Kind::PartialPartition,
    Kind::Isolated,
    Kind::Flapping,
    Kind::Lossy,
    Kind::Reset,
];
const SHAPES: [(Kind, Shape); 5] = [
    (Kind::Slow, Shape::Slow),
    (Kind::Jittery, Shape::Jittery),
    (Kind::Reordered, Shape::Reordered),
    (Kind::Duplicated, Shape::Duplicated),
    (Kind::Thin, Shape::Thin),
];
const FLAPS: usize = 4;
const FLAP: Duration = Duration::from_millis(60);

/// Nodes in namespaces. The processes go first, then the namespaces, then the directory.
#[derive(Debug)]
pub struct Namespaced {
    nodes: Vec<Node>,
    namespaces: Namespaces,
    edges: Vec<(usize, usize)>,
    skipped: Vec<(Kind, String)>,
    caught: BTreeMap<&'static str, u64>,
    panics: u64,
    _directory: TempDir,
}

impl Namespaced {
    /// Starts nodes. Asks [`Namespaces::unavailable`] first.
    ///
    /// # Errors
    /// A namespace cannot be made, there is no binary, or a node does not start.
    pub async fn start(topology: Topology, datacenters: usize) -> anyhow::Result<Self> {
        let directory = directory()?;
        let namespaces = Namespaces::create(datacenters)?;
        let edges = topology.edges(datacenters);
        let mut starting = Vec::new();
        for number in 0..datacenters {
            let everywhere = (Ipv4Addr::UNSPECIFIED, GRPC_PORT).into();
            let mut options = NodeOptions::new(&Plan::datacenter(number), directory.path(), everywhere)?;
            options.dialled = namespaces.clients(number);
            options.namespace = Some(namespaces.name(number));
            options.settings = hurried();
            let peers = edges.iter().filter_map(|(a, b)| match number {
                number if number == *a => Some(*b),
                number if number == *b => Some(*a),
                _ => None,
            });
            options.peers = peers
                .map(|peer| (Plan::datacenter(peer), namespaces.between(peer)))
                .collect();
            starting.push(options);
        }
        let nodes = Node::start_all(starting).await?;
        let cannot = SHAPES
            .iter()
            .map(|(kind, shape)| (*kind, namespaces.cannot_shape(*shape)));
        let cannot = cannot.filter_map(|(kind, reason)| Some((kind, reason?)));
        let skipped = cannot.chain(cannot_befall()).collect();
        Ok(Self {
            nodes,
            namespaces,
            edges,
            skipped,
            caught: BTreeMap::new(),
            panics: 0,
            _directory: directory,
        })
    }

    /// Loses what passes between the two sides, in both directions.
    fn part(&self, is_on_one_side: impl Fn(usize) -> bool) -> anyhow::Result<()> {
        for (a, b) in &self.edges {
            if is_on_one_side(*a) != is_on_one_side(*b) {
                self.part_edge((*a, *b))?;
            }
        }
        Ok(())
    }

    fn part_edge(&self, (a, b): (usize, usize)) -> anyhow::Result<()> {
        self.namespaces.drop_packets(a, b)?;
        self.namespaces.drop_packets(b, a)
    }

    async fn begin_network(&self, trouble: &Trouble) -> anyhow::Result<()> {
        let (from, to) = trouble.edge;
        match trouble.kind {
            Kind::Partition => self.part(|node| node <= from.min(to)),
            Kind::PartialPartition => self.part_edge((from, to)),
            Kind::OneWay => self.namespaces.drop_packets(from, to),
            Kind::Isolated => self.namespaces.set_connected(trouble.node, false),
            Kind::Flapping => {
                for _ in 0..FLAPS {
                    self.namespaces.set_connected(from, false)?;
                    tokio::time::sleep(FLAP).await;
                    self.namespaces.set_connected(from, true)?;
                    tokio::time::sleep(FLAP).await;
                }
                Ok(())
            }
            Kind::Lossy => self.namespaces.lose_packets(from, to),
            Kind::Reset => self.namespaces.reset_connections(from, to),
            other => {
                let shape = SHAPES.iter().find(|(kind, _)| *kind == other);
                let shape = shape.map(|(_, shape)| *shape);
                let shape = shape.ok_or_else(|| anyhow::anyhow!("{other} is nothing that befalls a namespace"))?;
                self.namespaces.shape(from, shape)
            }
        }
    }

    fn patient(&mut self, number: usize) -> Patient<'_> {
        Patient {
            node: &mut self.nodes[number],
            disk: None,
            syncs: None,
        }
    }
}

impl Ground for Namespaced {
    fn name(&self) -> &'static str {
        "network namespaces"
    }

    fn sites(&self) -> anyhow::Result<Vec<Site>> {
        self.nodes
            .iter()
            .map(|node| Site::new(node.datacenter(), &node.url()))
            .collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        let shapes = SHAPES.iter().map(|(kind, _)| *kind);
        let kinds = FILTER_KINDS.into_iter().chain(shapes).chain(PROCESS_KINDS);
        kinds
            .filter(|kind| self.skipped.iter().all(|(skipped, _)| skipped != kind))
            .collect()
    }

    fn skipped(&self) -> Vec<(Kind, String)> {
        self.skipped.clone()
    }

    async fn begin(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        if trouble.kind.is_of_the_network() {
            return self.begin_network(trouble).await;
        }
        if trouble.kind == Kind::Panic {
            return self.patient(trouble.node).plant_panic(trouble);
        }
        self.patient(trouble.node).begin(trouble.kind, log).await
    }

    async fn took_effect(&mut self, trouble: &Trouble) -> anyhow::Result<bool> {
        if trouble.kind == Kind::Panic {
            return self.patient(trouble.node).has_failed();
        }
        Ok(counted_as(trouble.kind).is_none() || self.namespaces.caught()? > 0)
    }

    async fn end(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        if trouble.kind == Kind::Panic {
            self.panics += u64::from(self.patient(trouble.node).end_panic(trouble, log).await?);
            return Ok(());
        }
        if !trouble.kind.is_of_the_network() {
            return self.patient(trouble.node).end(trouble.kind, log).await;
        }
        if let Some(name) = counted_as(trouble.kind) {
            *self.caught.entry(name).or_default() += self.namespaces.caught()?;
        }
        self.namespaces.heal()
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        self.namespaces.heal()
    }

    fn evidence(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        let names = [
            "packets dropped",
            "packets lost at random",
            "packets answered with a reset",
        ];
        let count = |name| (name, self.caught.get(name).copied().unwrap_or_default());
        let mut evidence: BTreeMap<_, _> = names.into_iter().map(count).collect();
        if cannot_befall().is_none() {
            evidence.insert("nodes ended by a panic", self.panics);
        }
        Ok(evidence)
    }

    fn last_words(&self) -> String {
        last_words(&self.nodes)
    }
}

/// The name under which the packets are counted that a trouble has caught; `None`: nobody counts them.
fn counted_as(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Partition | Kind::PartialPartition | Kind::OneWay => Some("packets dropped"),
        Kind::Lossy => Some("packets lost at random"),
        Kind::Reset => Some("packets answered with a reset"),
        _ => None,
    }
}
