//! One `rejoin serve` process: started, killed, stopped, paused and restarted by its process id.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rejoin_client::{Client, ClientOptions};
use rustix::process::{Pid, Signal, kill_process};

use super::{poll_until, rejoin_binary};

/// The variable that names the directory of planted panics, in builds that have any.
const PLANTED_PANICS: &str = "REJOIN_PLANTED_PANICS";

/// With what a node ends that has lost a task without which it is none.
const NODE_FAILED: i32 = 70;

/// How long a node may take to answer its first call, or to end when asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a node is started, each time alike.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The program.
    pub binary: PathBuf,
    /// The node's datacenter.
    pub datacenter: String,
    /// Where its data and its log go.
    pub directory: PathBuf,
    /// Where it serves.
    pub grpc: SocketAddr,
    /// Where it serves HTTP, if it does.
    pub http: Option<SocketAddr>,
    /// Where clients dial it; the same unless it serves on every address of a network namespace.
    pub dialled: SocketAddr,
    /// From whom it pulls: datacenter and address.
    pub peers: Vec<(String, SocketAddr)>,
    /// Its environment beside our own: `REJOIN_…` settings.
    pub settings: Vec<(String, String)>,
    /// The network namespace that it runs in; `None`: our own.
    pub namespace: Option<String>,
}

impl NodeOptions {
    /// A node of `datacenter` with its files in a directory of that name, which knows no peers yet.
    ///
    /// # Errors
    /// There is no binary.
    pub fn new(datacenter: &str, directory: &Path, grpc: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            binary: rejoin_binary()?,
            datacenter: datacenter.to_owned(),
            directory: directory.join(datacenter),
            grpc,
            http: None,
            dialled: grpc,
            peers: Vec::new(),
            settings: Vec::new(),
            namespace: None,
        })
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn panics(&self) -> PathBuf {
        self.directory.join("panics")
    }
}

/// Settings under which a node notices and mends within seconds what takes it half a minute otherwise, so that a short run holds many faults.
pub fn hurried() -> Vec<(String, String)> {
    let settings = [
        ("REJOIN_LINKS_HEARTBEAT_MS", 150),
        ("REJOIN_LINKS_PARTITION_AFTER_MS", 600),
        ("REJOIN_LINKS_ABANDON_AFTER_MS", 1_500),
        ("REJOIN_LINKS_BACKOFF_MIN_MS", 50),
        ("REJOIN_LINKS_BACKOFF_MAX_MS", 500),
        ("REJOIN_LINKS_CONNECT_TIMEOUT_MS", 1_000),
    ];
    settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_string()))
        .collect()
}

/// How a process ended that did not start to serve.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its exit status.
    pub status: ExitStatus,
    /// The last line that it said.
    pub told: String,
}

/// A node's process. Dropping it kills the process.
#[derive(Debug)]
pub struct Node {
    options: NodeOptions,
    child: Option<Child>,
}

impl Node {
    /// Starts a process and waits until it answers.
    ///
    /// # Errors
    /// It cannot be started, ends, or does not answer in time; the end of its log is in the message.
    pub async fn start(options: NodeOptions) -> anyhow::Result<Self> {
        let mut node = Self::launch(options)?;
        node.await_answer().await?;
        Ok(node)
    }

    /// From its next start on the node is another program.
    pub fn set_binary(&mut self, binary: PathBuf) {
        self.options.binary = binary;
    }

    /// From its next start on the node has another setting in its environment.
    pub fn set(&mut self, variable: &str, value: &str) {
        let settings = &mut self.options.settings;
        settings.retain(|(name, _)| name != variable);
        settings.push((variable.to_owned(), value.to_owned()));
    }

    /// Starts the process again, as [`Node::restart`], with a peer at another address.
    ///
    /// # Errors
    /// As for [`Node::start`].
    pub async fn restart_with_peer(&mut self, peer: &str, address: SocketAddr) -> anyhow::Result<()> {
        let peers = &mut self.options.peers;
        peers.retain(|(datacenter, _)| datacenter != peer);
        peers.push((peer.to_owned(), address));
        self.restart().await
    }

    /// Starts processes side by side and waits until all answer.
    ///
    /// # Errors
    /// As for [`Node::start`].
    pub async fn start_all(options: impl IntoIterator<Item = NodeOptions>) -> anyhow::Result<Vec<Self>> {
        let launched = options.into_iter().map(Self::launch);
        let mut nodes: Vec<Self> = launched.collect::<anyhow::Result<_>>()?;
        for node in &mut nodes {
            node.await_answer().await?;
        }
        Ok(nodes)
    }

    /// Starts the process again on the same data and waits until it answers.
    ///
    /// # Errors
    /// As for [`Node::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        self.child = Some(self.spawn()?);
        self.await_answer().await
    }

    /// As [`Node::restart`], for a node that may refuse to start: then the answer is how.
    ///
    /// # Errors
    /// It cannot be started, or neither answers nor ends in time.
    pub async fn try_restart(&mut self) -> anyhow::Result<Option<Refusal>> {
        self.kill()?;
        self.child = Some(self.spawn()?);
        let client = self.client()?;
        poll_until(PATIENCE, async || {
            if let Some(status) = self.ended()? {
                let told = self.log_tail().lines().last().unwrap_or_default().to_owned();
                return Ok(Some(Some(Refusal { status, told })));
            }
            Ok(client.status().await.is_ok().then_some(None))
        })
        .await
        .with_context(|| format!("it neither serves nor ends; its log ends:\n{}", self.log_tail()))
    }

    fn launch(options: NodeOptions) -> anyhow::Result<Self> {
        std::fs::create_dir_all(options.panics())?;
        let mut node = Self { options, child: None };
        node.child = Some(node.spawn()?);
        Ok(node)
    }

    async fn await_answer(&mut self) -> anyhow::Result<()> {
        let client = self.client()?;
        let answers = poll_until(PATIENCE, async || {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("it ended with {status}");
            }
            Ok(client.status().await.is_ok().then_some(()))
        });
        answers.await.with_context(|| {
            format!(
                "{} did not start; its log ends:\n{}",
                self.options.datacenter,
                self.log_tail()
            )
        })
    }

    /// Has a task of the process panic at its next step, by the name that it has there. A release has no planted panics: nothing happens to it.
    ///
    /// # Errors
    /// The file that says so cannot be written.
    pub fn plant_panic(&self, task: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.options.panics().join(task), [])?)
    }

    /// Whether the panic that was planted in a task has struck. One that has not is taken back.
    ///
    /// # Errors
    /// The file that says so cannot be removed.
    pub fn take_back_panic(&self, task: &str) -> anyhow::Result<bool> {
        match std::fs::remove_file(self.options.panics().join(task)) {
            Ok(()) => Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// The status with which the process has ended by itself.
    ///
    /// # Errors
    /// It cannot be asked for.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        })
    }

    /// Waits until the process has ended by itself, because one of its tasks panicked, and checks that it ended as it should: with the status that says
    /// so, and with a line that names the task.
    ///
    /// # Errors
    /// It goes on without the task, or ended otherwise; the end of its log is in the message.
    pub async fn await_failed(&mut self, task: &str) -> anyhow::Result<()> {
        let status = poll_until(PATIENCE, async || self.ended()).await;
        let log = self.log_tail();
        let status = status.with_context(|| format!("the node goes on without its {task}; its log ends:\n{log}"))?;
        if status.code() != Some(NODE_FAILED)
            || !log.contains(&format!("the node ends, since its task `{task}` panicked"))
        {
            bail!("the {task} panicked, and the node ended with {status}; its log ends:\n{log}");
        }
        Ok(())
    }

    /// Kills the process with SIGKILL and waits for its end. Does nothing if it does not run.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself: then there is nothing to kill, and waiting succeeds.
            let _ = child.kill();
            child.wait()?;
        }
        Ok(())
    }

    /// Asks the process to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// It does not end in time, or not with status 0.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let Some(child) = &mut self.child else { return Ok(()) };
        let status = poll_until(PATIENCE, async || Ok(child.try_wait()?))
            .await
            .context("it does not stop")?;
        self.child = None;
        if !status.success() {
            bail!(
                "{} stopped with {status}; its log ends:\n{}",
                self.options.datacenter,
                self.log_tail()
            );
        }
        Ok(())
    }

    /// Stops the process in its tracks (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on (SIGCONT).
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// A client of this node whose calls give up after a few seconds.
    ///
    /// # Errors
    /// Never for the addresses that nodes get here.
    pub fn client(&self) -> anyhow::Result<Client> {
        let options = ClientOptions {
            deadline: Duration::from_secs(4),
            connect_timeout: Duration::from_secs(1),
            ..ClientOptions::default()
        };
        Ok(Client::with_options(&self.url(), options)?)
    }

    /// Where clients dial.
    pub fn url(&self) -> String {
        format!("http://{}", self.options.dialled)
    }

    /// The address at which clients reach it.
    pub fn address(&self) -> SocketAddr {
        self.options.dialled
    }

    /// Where it serves HTTP, if it does.
    pub fn http_url(&self) -> Option<String> {
        self.options.http.map(|address| format!("http://{address}"))
    }

    /// The node's datacenter.
    pub fn datacenter(&self) -> &str {
        &self.options.datacenter
    }

    /// The datacenters that it pulls from.
    pub fn peers(&self) -> impl Iterator<Item = &str> {
        self.options.peers.iter().map(|(datacenter, _)| datacenter.as_str())
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.options.data()
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The last lines of the node's log.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(log_path(&self.options.directory)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log_path(&self.options.directory))?;
        let mut command = match &self.options.namespace {
            // `ip` becomes the program that it is given: the process id is the node's.
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(&self.options.binary);
                command
            }
            None => Command::new(&self.options.binary),
        };
        command.arg("serve").arg("--datacenter").arg(&self.options.datacenter);
        command
            .arg("--data")
            .arg(self.data())
            .arg("--grpc")
            .arg(self.options.grpc.to_string());
        if let Some(http) = self.options.http {
            command.arg("--http").arg(http.to_string());
        }
        if !self.options.grpc.ip().is_loopback() {
            command.arg("--insecure");
        }
        command.env(PLANTED_PANICS, self.options.panics());
        command.envs(self.options.settings.iter().map(|(name, value)| (name, value)));
        for (datacenter, address) in &self.options.peers {
            command.arg("--peer").arg(format!("{datacenter}=http://{address}"));
        }
        // A group of its own: Ctrl-C in the terminal reaches only us, and we end our nodes.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        command
            .spawn()
            .with_context(|| format!("cannot run {}", self.options.binary.display()))
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let child = self
            .child
            .as_ref()
            .with_context(|| format!("{} does not run", self.options.datacenter))?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nothing can be done here about a process that cannot be waited for.
        let _ = self.kill();
    }
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("node.log")
}
