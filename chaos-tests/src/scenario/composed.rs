//! Containers on networks of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ground::{Ground, record_restart};
use super::{Kind, Trouble};
use crate::container::{DATACENTERS, Project};
use crate::history::{Recorder, Tick};
use crate::process::poll_until;
use crate::workload::Site;

/// How long a node may take to answer again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The two datacenters of a [`Project`].
#[derive(Debug)]
pub struct Composed {
    project: Project,
    disconnected: u64,
    killed_at: Option<Tick>,
}

impl Composed {
    /// Waits until both datacenters answer.
    ///
    /// # Errors
    /// They do not; the ends of their logs are in the message.
    pub async fn start(project: Project) -> anyhow::Result<Self> {
        let composed = Self {
            project,
            disconnected: 0,
            killed_at: None,
        };
        for number in 0..DATACENTERS.len() {
            let answers = composed.await_answer(number).await;
            answers.map_err(|error| error.context(composed.project.log_tail()))?;
        }
        Ok(composed)
    }

    /// The containers.
    pub fn project(&self) -> &Project {
        &self.project
    }

    async fn await_answer(&self, number: usize) -> anyhow::Result<()> {
        let client = self.site(number)?.client;
        poll_until(PATIENCE, async || Ok(client.status().await.ok())).await?;
        Ok(())
    }

    fn site(&self, number: usize) -> anyhow::Result<Site> {
        Site::new(DATACENTERS[number], &format!("http://{}", self.project.address(number)))
    }

    fn disconnect(&mut self, number: usize) -> anyhow::Result<()> {
        self.disconnected += 1;
        self.project.disconnect(number)
    }

    async fn serve_again(&self, number: usize, how: &str, stopped: Tick, log: &Recorder) -> anyhow::Result<()> {
        self.await_answer(number).await?;
        record_restart(log, DATACENTERS[number], how, stopped);
        Ok(())
    }
}

impl Ground for Composed {
    fn name(&self) -> &'static str {
        "containers"
    }

    fn sites(&self) -> anyhow::Result<Vec<Site>> {
        (0..DATACENTERS.len()).map(|number| self.site(number)).collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        vec![
            Kind::Partition,
            Kind::Isolated,
            Kind::Flapping,
            Kind::Killed,
            Kind::Stopped,
            Kind::Restarted,
        ]
    }

    fn skipped(&self) -> Vec<(Kind, String)> {
        Vec::new()
    }

    async fn begin(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        let number = trouble.node;
        match trouble.kind {
            Kind::Partition => {
                self.disconnect(0)?;
                self.disconnect(1)
            }
            Kind::Isolated => self.disconnect(number),
            Kind::Flapping => {
                self.disconnect(number)?;
                self.project.connect(number)?;
                self.disconnect(number)
            }
            Kind::Killed => {
                self.project.command("kill", number)?;
                self.killed_at = Some(log.tick());
                Ok(())
            }
            Kind::Stopped => self.project.command("pause", number),
            Kind::Restarted => {
                let stopped = log.tick();
                self.project.command("restart", number)?;
                self.serve_again(number, "stop", stopped, log).await
            }
            other => anyhow::bail!("{other} is nothing that befalls a container"),
        }
    }

    /// A command that was carried out had its effect.
    async fn took_effect(&mut self, _: &Trouble) -> anyhow::Result<bool> {
        Ok(true)
    }

    async fn end(&mut self, trouble: &Trouble, log: &Recorder) -> anyhow::Result<()> {
        let number = trouble.node;
        match trouble.kind {
            Kind::Killed => {
                self.project.command("start", number)?;
                let stopped = self.killed_at.take().unwrap_or_else(|| log.tick());
                self.serve_again(number, "sigkill", stopped, log).await
            }
            Kind::Stopped => self.project.command("unpause", number),
            Kind::Restarted => Ok(()),
            _ => self.heal().await,
        }
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        (0..DATACENTERS.len()).try_for_each(|number| self.project.connect(number))
    }

    fn evidence(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        Ok(BTreeMap::from([("disconnections", self.disconnected)]))
    }

    fn last_words(&self) -> String {
        self.project.log_tail()
    }
}
