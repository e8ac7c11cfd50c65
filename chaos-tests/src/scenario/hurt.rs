//! Troubles of a process and its disk, on whichever network it lives.

use std::time::Duration;

use anyhow::Context;

use super::ground::record_restart;
use super::{Kind, Trouble};
use crate::history::Recorder;
use crate::process::{BadDisk, Node, SmallDisk, SyncFault};

/// How often a crash loop kills.
const CRASHES: usize = 3;
/// What a nearly full disk has left: less than a node wants for writes.
const NEARLY_FULL_BYTES: u64 = 8 * 1024 * 1024;

/// What commits the writes of a node.
const PIPELINE: &str = "commit pipeline";

/// How long a node takes to write out its memory, about.
const WRITES_OUT_WITHIN: Duration = Duration::from_millis(250);

/// A node and what lies below it.
pub(super) struct Patient<'a> {
    pub(super) node: &'a mut Node,
    pub(super) disk: Option<&'a SmallDisk>,
    pub(super) syncs: Option<&'a BadDisk>,
}

/// What can befall any process.
pub(super) const PROCESS_KINDS: [Kind; 5] = [
    Kind::Killed,
    Kind::CrashLoop,
    Kind::Stopped,
    Kind::Restarted,
    Kind::Panic,
];

/// Of those, what cannot befall the program that is under test, and why.
pub(super) fn cannot_befall() -> Option<(Kind, String)> {
    (!cfg!(debug_assertions)).then(|| (Kind::Panic, "a release has no planted panics".to_owned()))
}

impl Patient<'_> {
    pub(super) async fn begin(&mut self, kind: Kind, log: &Recorder) -> anyhow::Result<()> {
        match kind {
            Kind::Killed => self.node.kill(),
            Kind::CrashLoop => {
                for _ in 0..CRASHES {
                    self.crash(log).await?;
                }
                Ok(())
            }
            Kind::Stopped => self.node.pause(),
            Kind::Restarted => {
                let stopped = log.tick();
                self.node.stop().await?;
                self.serve_again("stop", stopped, log).await
            }
            Kind::NearlyFull => self.fill(NEARLY_FULL_BYTES).await,
            Kind::NoSpace => self.fill(0).await,
            Kind::SlowSync => self.bad_disk()?.begin(SyncFault::Slow),
            Kind::SyncError => self.bad_disk()?.begin(SyncFault::Failing),
            other => anyhow::bail!("{other} is nothing that befalls a process"),
        }
    }

    pub(super) async fn end(&mut self, kind: Kind, log: &Recorder) -> anyhow::Result<()> {
        match kind {
            Kind::Killed => self.serve_again("sigkill", log.tick(), log).await,
            Kind::Stopped => self.node.resume(),
            // A node that has met a failed write may have to be started again, as its message says.
            Kind::NearlyFull => self.small_disk()?.empty(),
            Kind::NoSpace => self.small_disk()?.empty(),
            Kind::SlowSync => self.bad_disk()?.end(SyncFault::Slow),
            Kind::SyncError => {
                self.bad_disk()?.end(SyncFault::Failing)?;
                self.crash(log).await
            }
            _ => Ok(()),
        }
    }

    /// Plants a panic in a task that has something to do soon: in the pipeline, before or after a group of writes is durable, or in a link.
    pub(super) fn plant_panic(&self, trouble: &Trouble) -> anyhow::Result<()> {
        self.node.plant_panic(&self.panicking(trouble))
    }

    /// Whether the panic has struck, and ended the process.
    pub(super) fn has_failed(&mut self) -> anyhow::Result<bool> {
        Ok(self.node.ended()?.is_some())
    }

    /// Has the node serve again if the panic has struck, and answers whether it has.
    pub(super) async fn end_panic(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<bool> {
        let task = self.panicking(trouble);
        if !self.node.take_back_panic(&task)? {
            return Ok(false);
        }
        let name = if task.starts_with(PIPELINE) { PIPELINE } else { &task };
        self.node.await_failed(name).await?;
        self.serve_again("panic", log.tick(), log).await?;
        Ok(true)
    }

    /// Where the panic of a trouble is planted.
    fn panicking(&self, trouble: &Trouble) -> String {
        match (trouble.at.as_millis() % 3, self.node.peers().next()) {
            (0, Some(peer)) => format!("link to {peer}"),
            (1, _) => format!("{PIPELINE} before its answers"),
            _ => PIPELINE.to_owned(),
        }
    }

    /// A node whose room grows short writes out its memory, and the room of its log is free then: that goes, too.
    async fn fill(&self, leave_bytes: u64) -> anyhow::Result<()> {
        let disk = self.small_disk()?;
        disk.fill(leave_bytes)?;
        tokio::time::sleep(WRITES_OUT_WITHIN).await;
        disk.fill(leave_bytes)
    }

    /// Kills the node and starts it again.
    async fn crash(&mut self, log: &Recorder) -> anyhow::Result<()> {
        self.node.kill()?;
        self.serve_again("sigkill", log.tick(), log).await
    }

    async fn serve_again(&mut self, how: &str, stopped: u64, log: &Recorder) -> anyhow::Result<()> {
        self.node.restart().await?;
        record_restart(log, self.node.datacenter(), how, stopped);
        Ok(())
    }

    fn small_disk(&self) -> anyhow::Result<&SmallDisk> {
        self.disk.context("this node has no small disk")
    }

    fn bad_disk(&self) -> anyhow::Result<&BadDisk> {
        self.syncs.context("the syncs of this node cannot be spoilt")
    }
}
