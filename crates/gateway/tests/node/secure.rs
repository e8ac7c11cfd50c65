//! Real nodes with certificates, each a process with a log of its own, ended with its test.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rejoin_client::{Client, ClientOptions, Dialler, Link, LinkState, NodeStatus, Trust};
use rejoin_tls::testing::{Issued, TestAuthority, Validity, place};
use tempfile::TempDir;

use crate::common::{DEADLINE, free_address};

/// What the settings of every node here begin with: short times, so that a test is short.
const SETTINGS: &str = "[links]\nheartbeat_ms = 200\npartition_after_ms = 1000\nabandon_after_ms = 2000\nconnect_timeout_ms = 1000\n\
                        backoff_max_ms = 500\n[tls]\nlook_every_ms = 100\n";

/// A node that is to be started: its name, its port, its certificates.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    directory: TempDir,
    secure: bool,
    peers: Vec<String>,
    settings: String,
    arguments: Vec<String>,
}

/// A node that runs.
pub(crate) struct SecureNode {
    pub(crate) plan: Plan,
    pub(crate) client: Client,
    process: Child,
}

impl Plan {
    /// A node without certificates.
    pub(crate) fn plain(name: &'static str) -> Self {
        Self {
            name,
            port: free_address().port(),
            directory: tempfile::tempdir().unwrap(),
            secure: false,
            peers: Vec::new(),
            settings: SETTINGS.to_owned(),
            arguments: Vec::new(),
        }
    }

    /// A node with a certificate that trusts `authority`.
    pub(crate) fn secure(name: &'static str, issued: &Issued, authority: &TestAuthority) -> Self {
        let mut plan = Self::plain(name);
        plan.secure = true;
        plan.put(issued, &[authority]);
        plan
    }

    /// A node as it should be: with a day's certificate of `authority` for its name and for loopback.
    pub(crate) fn good(name: &'static str, authority: &TestAuthority) -> Self {
        Self::secure(name, &authority.issue(&[name, "127.0.0.1"], Validity::day()), authority)
    }

    /// It pulls from `other`, which it calls `name`.
    pub(crate) fn pulls(mut self, name: &str, other: &Self) -> Self {
        let scheme = if self.secure { "https" } else { "http" };
        self.peers.push(format!("{name}={scheme}://127.0.0.1:{}", other.port));
        self
    }

    /// Adds lines to the settings; the section `tls` is open.
    pub(crate) fn with(mut self, lines: &str) -> Self {
        self.settings.push_str(lines);
        self
    }

    /// It looks at its files once an hour.
    pub(crate) fn slow_to_look(mut self) -> Self {
        self.settings = self.settings.replace("look_every_ms = 100", "look_every_ms = 3600000");
        self
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts certificates in place, also of a node that runs.
    pub(crate) fn put(&self, issued: &Issued, authorities: &[&TestAuthority]) {
        place(self.directory(), issued, authorities);
    }

    pub(crate) fn address(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    fn command(&self) -> Command {
        let settings = self.directory().join("settings.toml");
        fs::write(&settings, &self.settings).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        command.args([
            "serve",
            "--datacenter",
            self.name,
            "--grpc",
            &format!("127.0.0.1:{}", self.port),
        ]);
        command
            .arg("--config")
            .arg(settings)
            .arg("--data")
            .arg(self.directory().join("data"));
        if self.secure {
            for file in ["certificate", "key", "authority"] {
                let path = self.directory().join(format!("{file}.pem"));
                command.arg(format!("--{file}")).arg(path);
            }
        }
        for peer in &self.peers {
            command.args(["--peer", peer]);
        }
        command
            .args(&self.arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs it to its end, for one that does not start.
    pub(crate) fn output(&self) -> Output {
        self.command().output().unwrap()
    }

    /// Starts it. `authority` is what its clients trust.
    pub(crate) async fn start(self, authority: &TestAuthority) -> SecureNode {
        let log = File::create(self.directory().join("log")).unwrap();
        let process = self.command().stderr(log).spawn().unwrap();
        let trusted = self.directory().join("trusted-by-clients.pem");
        fs::write(&trusted, authority.pem()).unwrap();
        let client = client(&self.address(), &trusted);
        let mut node = SecureNode {
            plan: self,
            client,
            process,
        };
        node.wait_until_ready().await;
        node
    }
}

/// A client of one node that trusts the authority in a file.
pub(crate) fn client(address: &str, authority: &Path) -> Client {
    let dialler = Dialler::secure(Trust::load(authority, None).unwrap());
    Client::with_dialler(&[address], ClientOptions::default(), dialler).unwrap()
}

impl SecureNode {
    async fn wait_until_ready(&mut self) {
        let end = Instant::now() + DEADLINE;
        while !self.log().contains("ready datacenter=") {
            let ended = self.process.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < end,
                "not ready ({ended:?}): {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.plan.directory().join("log")).unwrap()
    }

    /// Waits until the log holds a line with all of these texts.
    pub(crate) async fn wait_for_log(&self, texts: &[&str]) {
        let end = Instant::now() + DEADLINE;
        while !self
            .log()
            .lines()
            .any(|line| texts.iter().all(|text| line.contains(text)))
        {
            assert!(
                Instant::now() < end,
                "{} never said {texts:?}: {}",
                self.plan.name,
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn status(&self) -> NodeStatus {
        self.client.status().await.unwrap()
    }

    /// Waits until the link from which this node pulls is as `condition` wants it.
    pub(crate) async fn wait_for_link(&self, peer: &str, what: &str, condition: impl Fn(&Link) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            let status = self.status().await;
            let link = status.links.iter().find(|link| link.datacenter == peer).unwrap();
            if condition(link) {
                return;
            }
            assert!(
                Instant::now() < end,
                "{} wants its link {what}, it is {link:?}: {}",
                self.plan.name,
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn wait_until_connected(&self, peer: &str) {
        self.wait_for_link(peer, "connected", |link| link.state == LinkState::Connected)
            .await;
    }

    /// Waits until the link is down and says all of these texts as its cause.
    pub(crate) async fn wait_for_cause(&self, peer: &str, texts: &[&str]) {
        let what = format!("down because of {texts:?}");
        self.wait_for_link(peer, &what, |link| {
            let reason = link.reason.as_deref().unwrap_or_default();
            link.state != LinkState::Connected && texts.iter().all(|text| reason.contains(text))
        })
        .await;
    }

    /// Waits until it shows a document of `things`.
    pub(crate) async fn wait_for(&self, id: &str) {
        let end = Instant::now() + DEADLINE;
        while let Err(error) = self.client.get("things", id).await {
            assert!(
                Instant::now() < end,
                "{id} never arrives at {}: {error}",
                self.plan.name
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether the process that was started still runs.
    pub(crate) fn still_runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for SecureNode {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
