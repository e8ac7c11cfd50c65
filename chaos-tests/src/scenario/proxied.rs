//! Real processes behind proxies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::ground::Ground;
use super::hurt::{PROCESS_KINDS, Patient, cannot_befall};
use super::{Kind, Trouble};
use crate::history::Recorder;
use crate::network::{Fault, Flow, Seen};
use crate::plan::{Plan, Topology};
use crate::process::{Cluster, Node, SmallDisk, SyncFault, other_binary, poll_until, rejoin_binary};
use crate::workload::Site;

const NETWORK_KINDS: [Kind; 14] = [
    Kind::Partition,
    Kind::OneWay,
    Kind::PartialPartition,
    Kind::Isolated,
    Kind::Flapping,
    Kind::Slow,
    Kind::Jittery,
    Kind::Thin,
    Kind::HeldBlackHole,
    Kind::BlackHole,
    Kind::HalfOpen,
    Kind::Reset,
    Kind::Truncated,
    Kind::LinkCut,
];
/// How often a flapping edge goes.
const FLAPS: usize = 4;
const FLAP: Duration = Duration::from_millis(60);
/// Bytes a second of a thin edge.
const THIN: u32 = 15_000;
/// How long a node may take to take writes again when all troubles are over.
const HEALED_WITHIN: Duration = Duration::from_secs(25);
/// How long the operator waits for a node that may stand still.
const OPERATOR_WAIT: Duration = Duration::from_millis(500);

/// A [`Cluster`] as a ground.
#[derive(Debug)]
pub struct Proxied {
    /// The nodes.
    pub cluster: Cluster,
    links_cut: u64,
    /// What nodes are started with, and what a rolling upgrade starts them with next.
    binaries: [PathBuf; 2],
    upgrades: u64,
    panics: u64,
    /// What had been seen of each kind of trouble when it last began.
    before: BTreeMap<Kind, u64>,
}

impl Proxied {
    /// Starts nodes.
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub async fn start(topology: Topology, datacenters: usize) -> anyhow::Result<Self> {
        Ok(Self {
            cluster: Cluster::start(topology, datacenters).await?,
            links_cut: 0,
            binaries: [rejoin_binary()?, other_binary()?],
            upgrades: 0,
            panics: 0,
            before: BTreeMap::new(),
        })
    }

    /// Gives both directions of an edge a flow.
    fn set_edge(&self, edge: (usize, usize), flow: Flow) -> anyhow::Result<()> {
        let both = Fault::Flows { out: flow, back: flow };
        for wire in self.cluster.wires_of(edge)? {
            wire.proxy.set(both);
        }
        Ok(())
    }

    /// Gives what `from` sends to `to` a flow, on whichever connection.
    fn set_direction(&self, (from, to): (usize, usize), flow: Flow) -> anyhow::Result<()> {
        let [dialled, dialling] = self.cluster.wires_of((from, to))?;
        dialled.proxy.set(Fault::Flows {
            out: flow,
            back: Flow::Pass,
        });
        dialling.proxy.set(Fault::Flows {
            out: Flow::Pass,
            back: flow,
        });
        Ok(())
    }

    /// Cuts every wire that leads from one side to the other.
    fn cut(&self, is_on_one_side: impl Fn(usize) -> bool) {
        for wire in &self.cluster.wires {
            if is_on_one_side(wire.from) != is_on_one_side(wire.to) {
                wire.proxy.set(Fault::Cut);
            }
        }
    }

    /// The operator may ask a node that is down or stands still: then nothing is cut.
    async fn cut_link(&mut self, (from, to): (usize, usize)) -> anyhow::Result<()> {
        let (client, peer) = (self.cluster.nodes[from].client()?, Plan::datacenter(to));
        let answer = tokio::time::timeout(OPERATOR_WAIT, client.cut_link(&peer)).await;
        self.links_cut += u64::from(answer.is_ok_and(|cut| cut.is_ok()));
        Ok(())
    }

    /// How often a kind of trouble has had an effect; `None`: nothing counts that.
    fn effects(&self, kind: Kind) -> Option<u64> {
        let spoilt = |fault| self.cluster.syncs.iter().map(|disk| disk.fired(fault)).sum();
        Some(match kind {
            Kind::Partition | Kind::PartialPartition | Kind::Isolated | Kind::Flapping => self.sum(|seen| &seen.cut),
            Kind::OneWay | Kind::BlackHole => self.sum(|seen| &seen.swallowed),
            Kind::Slow | Kind::Jittery => self.sum(|seen| &seen.delayed),
            Kind::Thin => self.sum(|seen| &seen.throttled),
            Kind::HeldBlackHole => self.sum(|seen| &seen.held),
            Kind::HalfOpen => self.sum(|seen| &seen.closed),
            Kind::Truncated => self.sum(|seen| &seen.truncated),
            Kind::Reset => self.sum(|seen| &seen.reset),
            Kind::LinkCut => self.links_cut,
            Kind::SlowSync => spoilt(SyncFault::Slow),
            Kind::SyncError => spoilt(SyncFault::Failing),
            _ => return None,
        })
    }

    async fn begin_network(&mut self, trouble: &Trouble) -> anyhow::Result<()> {
        let edge @ (from, to) = trouble.edge;
        let ms = Duration::from_millis;
        match trouble.kind {
            Kind::Partition => self.cut(|node| node <= from.min(to)),
            Kind::Isolated => self.cut(|node| node == trouble.node),
            Kind::PartialPartition => self
                .cluster
                .wires_of(edge)?
                .iter()
                .for_each(|wire| wire.proxy.set(Fault::Cut)),
            Kind::OneWay => self.set_direction(edge, Flow::Swallow)?,
            Kind::Slow => self.set_edge(edge, Flow::Delay(ms(60)))?,
            Kind::Jittery => self.set_edge(edge, Flow::Jitter(ms(150)))?,
            Kind::Thin => self.set_edge(edge, Flow::Throttle(THIN))?,
            Kind::HeldBlackHole => self.set_edge(edge, Flow::Hold)?,
            Kind::BlackHole => self.set_edge(edge, Flow::Swallow)?,
            Kind::HalfOpen => self.set_direction(edge, Flow::Close)?,
            Kind::Truncated => self.set_direction(edge, Flow::Truncate)?,
            Kind::Reset => self.cluster.wires_of(edge)?.iter().for_each(|wire| wire.proxy.reset()),
            Kind::Flapping => {
                for _ in 0..FLAPS {
                    self.cut(|node| node == from);
                    tokio::time::sleep(FLAP).await;
                    self.cluster.resume_wires();
                    tokio::time::sleep(FLAP).await;
                }
            }
            Kind::LinkCut => self.cut_link(edge).await?,
            other => anyhow::bail!("{other} is nothing that befalls a proxy"),
        }
        Ok(())
    }

    /// Every node in its turn comes back as the other version, while clients go on.
    async fn upgrade(&mut self, log: &Recorder) -> anyhow::Result<()> {
        self.binaries.swap(0, 1);
        for number in 0..self.cluster.nodes.len() {
            self.cluster.nodes[number].set_binary(self.binaries[0].clone());
            self.patient(number).begin(Kind::Restarted, log).await?;
            self.upgrades += 1;
        }
        Ok(())
    }

    fn patient(&mut self, number: usize) -> Patient<'_> {
        Patient {
            node: &mut self.cluster.nodes[number],
            disk: self.cluster.disk.as_ref().filter(|_| number == 0),
            syncs: self.cluster.syncs.get(number),
        }
    }

    /// Only the first node has a small disk.
    fn whom(trouble: &Trouble) -> usize {
        match trouble.kind {
            Kind::NearlyFull | Kind::NoSpace => 0,
            _ => trouble.node,
        }
    }

    fn sum(&self, count: impl Fn(&Seen) -> &AtomicU64) -> u64 {
        let counts = self.cluster.wires.iter().map(|wire| count(wire.proxy.seen()));
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Ground for Proxied {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn sites(&self) -> anyhow::Result<Vec<Site>> {
        self.cluster
            .nodes
            .iter()
            .map(|node| Ok(Site::new(node.datacenter(), &node.url())?.with_http(node.http_url())))
            .collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        let mut kinds = [NETWORK_KINDS.as_slice(), &PROCESS_KINDS, &[Kind::RollingUpgrade]].concat();
        if self.cluster.disk.is_some() {
            kinds.extend([Kind::NearlyFull, Kind::NoSpace]);
        }
        if !self.cluster.syncs.is_empty() {
            kinds.extend([Kind::SlowSync, Kind::SyncError]);
        }
        kinds.retain(|kind| cannot_befall().is_none_or(|(cannot, _)| cannot != *kind));
        kinds
    }

    fn skipped(&self) -> Vec<(Kind, String)> {
        let mut skipped: Vec<_> = cannot_befall().into_iter().collect();
        if let Some(reason) = SmallDisk::unavailable() {
            skipped.extend([Kind::NearlyFull, Kind::NoSpace].map(|kind| (kind, reason.to_owned())));
        }
        if self.cluster.syncs.is_empty() {
            let reason = "there is no C compiler, or this is not Linux".to_owned();
            skipped.extend([Kind::SlowSync, Kind::SyncError].map(|kind| (kind, reason.clone())));
        }
        skipped
    }

    async fn begin(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        if let Some(before) = self.effects(trouble.kind) {
            self.before.insert(trouble.kind, before);
        }
        if trouble.kind.is_of_the_network() {
            return self.begin_network(trouble).await;
        }
        if trouble.kind == Kind::RollingUpgrade {
            return self.upgrade(log).await;
        }
        if trouble.kind == Kind::Panic {
            return self.patient(trouble.node).plant_panic(trouble);
        }
        self.patient(Self::whom(trouble)).begin(trouble.kind, log).await
    }

    async fn took_effect(&mut self, trouble: &Trouble) -> anyhow::Result<bool> {
        if trouble.kind == Kind::Panic {
            return self.patient(trouble.node).has_failed();
        }
        if self.effects(trouble.kind) != self.before.get(&trouble.kind).copied() {
            return Ok(true);
        }
        match trouble.kind {
            Kind::Reset | Kind::LinkCut => self.begin_network(trouble).await?,
            _ => {}
        }
        Ok(self.effects(trouble.kind).is_none())
    }

    async fn end(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        if trouble.kind == Kind::Panic {
            self.panics += u64::from(self.patient(trouble.node).end_panic(trouble, log).await?);
            return Ok(());
        }
        if !trouble.kind.is_of_the_network() {
            return self.patient(Self::whom(trouble)).end(trouble.kind, log).await;
        }
        self.cluster.resume_wires();
        if trouble.kind == Kind::LinkCut {
            let (from, to) = trouble.edge;
            // A node that stands still or is down is asked again when everything is over.
            let _ = self.cluster.nodes[from]
                .client()?
                .restore_link(&Plan::datacenter(to))
                .await;
        }
        Ok(())
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        self.cluster.resume_wires();
        for wire in &self.cluster.wires {
            let (client, peer) = (self.cluster.nodes[wire.from].client()?, Plan::datacenter(wire.to));
            // A node whose disk was full to the last byte looks every five seconds whether there is room again.
            poll_until(HEALED_WITHIN, async || {
                Ok(client.restore_link(&peer).await.ok().map(drop))
            })
            .await
            .with_context(|| format!("the link with {peer} cannot be restored"))?;
        }
        Ok(())
    }

    fn evidence(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        let mut evidence = BTreeMap::from([
            ("connections cut", self.sum(|seen| &seen.cut)),
            ("connections reset", self.sum(|seen| &seen.reset)),
            ("chunks delayed", self.sum(|seen| &seen.delayed)),
            ("chunks throttled", self.sum(|seen| &seen.throttled)),
            ("directions held", self.sum(|seen| &seen.held)),
            ("chunks swallowed", self.sum(|seen| &seen.swallowed)),
            ("chunks truncated", self.sum(|seen| &seen.truncated)),
            ("directions closed", self.sum(|seen| &seen.closed)),
            ("links cut by the operator", self.links_cut),
            ("nodes upgraded", self.upgrades),
            ("KiB passed", self.sum(|seen| &seen.bytes) / 1024),
        ]);
        if cannot_befall().is_none() {
            evidence.insert("nodes ended by a panic", self.panics);
        }
        if !self.cluster.syncs.is_empty() {
            let fired = |fault| self.cluster.syncs.iter().map(|disk| disk.fired(fault)).sum();
            evidence.insert("syncs slowed", fired(SyncFault::Slow));
            evidence.insert("syncs failed", fired(SyncFault::Failing));
        }
        Ok(evidence)
    }

    fn last_words(&self) -> String {
        last_words(&self.cluster.nodes)
    }
}

/// The ends of the logs of nodes.
pub(super) fn last_words(nodes: &[Node]) -> String {
    let words = nodes
        .iter()
        .map(|node| format!("{}:\n{}\n", node.datacenter(), node.log_tail()));
    words.collect()
}
