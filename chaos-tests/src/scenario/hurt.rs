//! Troubles of a process and its disk, on whichever network it lives.

use std::time::Duration;

use anyhow::Context;

use super::Kind;
use super::ground::record_restart;
use crate::history::Recorder;
use crate::process::{BadDisk, Node, SmallDisk, SyncFault};

/// How often a crash loop kills.
const CRASHES: usize = 3;
/// What a nearly full disk has left: less than a node wants for writes.
const NEARLY_FULL_BYTES: u64 = 8 * 1024 * 1024;

/// How long a node takes to write out its memory, about.
const WRITES_OUT_WITHIN: Duration = Duration::from_millis(250);

/// A node and what lies below it.
pub(super) struct Patient<'a> {
    pub(super) node: &'a mut Node,
    pub(super) disk: Option<&'a SmallDisk>,
    pub(super) syncs: Option<&'a BadDisk>,
}

/// What can befall any process.
pub(super) const PROCESS_KINDS: [Kind; 4] = [Kind::Killed, Kind::CrashLoop, Kind::Stopped, Kind::Restarted];

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
