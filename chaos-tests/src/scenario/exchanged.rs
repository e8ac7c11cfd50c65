//! Real processes whose disks become others, while clients write and the nodes are apart.
//!
//! ```text
//!   begin   the disk is copied, and the node is cut off; clients write on both sides
//!   end     clients wait, all nodes become equal      what only one disk has goes with that disk, and that is no promise
//!           the node is killed and its disk exchanged
//!           it takes writes at once, still cut off, under another replica id; then it is connected
//! ```
//!
//! Nobody tells a node that was rolled back: it may give a dot away twice before it meets a peer, so it is connected first, and clients reach it once
//! it has found out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rejoin_client::{Bytes, Database};
use rejoin_document::{Granularity, ReplicaId, RuleSet};

use super::ground::{Ground, record_return};
use super::proxied::last_words;
use super::{Kind, Trouble};
use crate::history::{Recorder, Restart};
use crate::network::{Fault, Proxy};
use crate::plan::Topology;
use crate::process::{Cluster, poll_until};
use crate::view::await_equal_digests;
use crate::workload::Site;

/// How long nodes may take to become equal, and one that was rolled back to find out.
const BOUND: Duration = Duration::from_secs(25);
/// How long clients write at a node with another disk before it meets anybody.
const ALONE: Duration = Duration::from_millis(500);
/// Where files lie that are going to be those of a node.
const INCOMING: &str = "incoming";
/// A database beside that of the clients.
const MARKS: &str = "marks";

/// A [`Cluster`] of which a node at a time comes back with another disk.
#[derive(Debug)]
pub struct Exchanged {
    cluster: Cluster,
    /// Through which clients reach each node.
    doors: Vec<Proxy>,
    exchanged: u64,
    /// The marks that were acknowledged.
    marks: BTreeSet<String>,
}

impl Exchanged {
    /// Starts nodes.
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub async fn start(topology: Topology, datacenters: usize) -> anyhow::Result<Self> {
        let cluster = Cluster::start(topology, datacenters).await?;
        let mut doors = Vec::new();
        for node in &cluster.nodes {
            doors.push(Proxy::start(node.address()).await?);
        }
        cluster.nodes[0].client()?.create_database(&marks()).await?;
        Ok(Self {
            cluster,
            doors,
            exchanged: 0,
            marks: BTreeSet::new(),
        })
    }

    /// Where the disk of a node was copied to.
    fn copy(&self, node: usize) -> PathBuf {
        self.cluster.directory().join(format!("copy-{node}"))
    }

    fn cut_off(&self, node: usize) {
        let wires = self.cluster.wires.iter();
        for wire in wires.filter(|wire| wire.from == node || wire.to == node) {
            wire.proxy.set(Fault::Cut);
        }
    }

    /// Copies the disk of a node that stands still: what a machine has that is stopped and copied.
    fn copy_disk(&self, node: usize) -> anyhow::Result<()> {
        let process = &self.cluster.nodes[node];
        process.pause()?;
        let copied = copy_files(&process.data(), &self.copy(node));
        process.resume()?;
        copied
    }

    /// Has a node write something: before its disk is exchanged, so that it has lost a write of its own when it is rolled back, and as soon as it serves
    /// again.
    async fn leave_mark(&mut self, node: usize) -> anyhow::Result<()> {
        let (client, id) = (self.cluster.nodes[node].client()?, format!("mark-{}", self.marks.len()));
        let mut refused = String::new();
        let left = poll_until(BOUND, async || {
            // A node without its disk has forgotten the database until its peers tell it.
            let _ = client.create_database(&marks()).await;
            let written = client.update(MARKS, &id, Bytes::from_static(b"{}"), None).await;
            refused = written.as_ref().err().map(ToString::to_string).unwrap_or_default();
            Ok(written.ok().map(drop))
        })
        .await;
        left.with_context(|| format!("no mark can be left: {refused}"))?;
        self.marks.insert(id);
        Ok(())
    }

    /// Waits until every node has all that there is, and nobody writes.
    async fn become_equal(&self) -> anyhow::Result<()> {
        let nodes = self.cluster.nodes.iter();
        let clients = nodes.map(|node| node.client()).collect::<anyhow::Result<Vec<_>>>()?;
        await_equal_digests(&clients, BOUND).await?;
        for client in &clients {
            poll_until(BOUND, async || {
                let Ok(status) = client.status().await else {
                    return Ok(None);
                };
                let lags = status
                    .links
                    .iter()
                    .map(|link| link.peer_lag.and_then(|lag| lag.documents));
                Ok(lags.into_iter().all(|documents| documents == Some(0)).then_some(()))
            })
            .await
            .context("a peer lags behind")?;
        }
        Ok(())
    }

    async fn replica(&self, node: usize) -> anyhow::Result<ReplicaId> {
        Ok(self.cluster.nodes[node].client()?.status().await?.replica)
    }

    /// Gives a node that does not run the disk that it comes back with.
    fn exchange(&self, kind: Kind, node: usize) -> anyhow::Result<()> {
        let (data, copy) = (self.cluster.nodes[node].data(), self.copy(node));
        match kind {
            Kind::Wiped => remove_but(&data, &[]),
            Kind::RolledBack => roll_back(&data, &copy),
            Kind::RestoredBackup => replace(&data, &copy),
            Kind::ClonedDisk => {
                let _ = fs::remove_dir_all(&copy);
                copy_files(&data, &copy)?;
                replace(&data, &copy)
            }
            other => anyhow::bail!("{other} exchanges no disk"),
        }
    }

    async fn come_back(&mut self, kind: Kind, node: usize, log: &Recorder) -> anyhow::Result<()> {
        let former = self.replica(node).await?;
        let stopped = log.tick();
        self.cluster.nodes[node].kill()?;
        self.exchange(kind, node)?;
        self.cut_off(node);
        self.cluster.nodes[node].restart().await?;
        let datacenter = self.cluster.nodes[node].datacenter().to_owned();
        let how = match kind {
            Kind::ClonedDisk => (Restart::CLONED_DISK, true),
            _ => (kind.name(), false),
        };
        record_return(log, &datacenter, how, stopped);
        if kind == Kind::RolledBack {
            self.cluster.resume_wires();
            let renamed = poll_until(BOUND, async || {
                let replica = self.replica(node).await;
                Ok(replica.is_ok_and(|replica| replica != former).then_some(()))
            });
            renamed.await.context("it does not find out that it was rolled back")?;
        }
        anyhow::ensure!(
            self.replica(node).await? != former,
            "{datacenter} goes on under its replica id {former} with another disk ({kind})"
        );
        self.exchanged += 1;
        self.leave_mark(node).await
    }

    /// Whether every node shows every mark.
    async fn shows_all_marks(&self) -> anyhow::Result<bool> {
        for node in &self.cluster.nodes {
            let client = node.client()?;
            for id in &self.marks {
                if client.get(MARKS, id).await.is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn marks() -> Database {
    Database::new(MARKS, Granularity::Field, RuleSet::default())
}

impl Ground for Exchanged {
    fn name(&self) -> &'static str {
        "exchanged disks"
    }

    fn sites(&self) -> anyhow::Result<Vec<Site>> {
        let doors = self.cluster.nodes.iter().zip(&self.doors);
        doors
            .map(|(node, door)| Site::new(node.datacenter(), &format!("http://{}", door.address())))
            .collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        vec![Kind::RolledBack, Kind::RestoredBackup, Kind::ClonedDisk, Kind::Wiped]
    }

    fn skipped(&self) -> Vec<(Kind, String)> {
        Vec::new()
    }

    async fn begin(&mut self, trouble: &Trouble, _: &Recorder) -> anyhow::Result<()> {
        self.copy_disk(trouble.node)?;
        self.cut_off(trouble.node);
        Ok(())
    }

    async fn took_effect(&mut self, _: &Trouble) -> anyhow::Result<bool> {
        Ok(true)
    }

    async fn end(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        let node = trouble.node;
        for door in &self.doors {
            door.set(Fault::Cut);
        }
        self.cluster.resume_wires();
        self.leave_mark(node).await?;
        self.become_equal().await?;
        for (number, door) in self.doors.iter().enumerate() {
            if number != node {
                door.resume();
            }
        }
        self.come_back(trouble.kind, node, log).await?;
        self.doors[node].resume();
        tokio::time::sleep(ALONE).await;
        self.cluster.resume_wires();
        fs::remove_dir_all(self.copy(node)).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error.into()),
        })
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        self.cluster.resume_wires();
        poll_until(BOUND, async || Ok(self.shows_all_marks().await?.then_some(())))
            .await
            .context("an acknowledged mark is missing")
    }

    fn evidence(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        Ok(BTreeMap::from([("disks exchanged", self.exchanged)]))
    }

    fn last_words(&self) -> String {
        last_words(&self.cluster.nodes)
    }
}

/// Copies everything in a directory over what another one has; files that are there already stay the same files with another content.
fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &copied)?;
        } else {
            fs::copy(entry.path(), copied)?;
        }
    }
    Ok(())
}

/// Removes what is in a directory and has none of these names. The directory stays: it may be where a disk is mounted.
fn remove_but(directory: &Path, kept: &[OsString]) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if kept.contains(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Gives a directory the content of another one, in files that are not those that it had.
fn replace(directory: &Path, by: &Path) -> anyhow::Result<()> {
    let incoming = directory.join(INCOMING);
    copy_files(by, &incoming)?;
    remove_but(directory, &[INCOMING.into()])?;
    for entry in fs::read_dir(&incoming)? {
        let entry = entry?;
        fs::rename(entry.path(), directory.join(entry.file_name()))?;
    }
    Ok(fs::remove_dir(incoming)?)
}

/// Gives a directory the content that it had once, in the files that it has, as on a machine that is rolled back.
fn roll_back(directory: &Path, to: &Path) -> anyhow::Result<()> {
    let names = fs::read_dir(to)?.map(|entry| Ok(entry?.file_name()));
    remove_but(directory, &names.collect::<anyhow::Result<Vec<_>>>()?)?;
    copy_files(to, directory)
}
