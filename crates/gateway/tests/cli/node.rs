//! A real `rejoin serve` on ports of its own, ended with its test.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::finished::Finished;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running node.
pub(crate) struct Node {
    process: Child,
    directory: TempDir,
    address: String,
}

impl Node {
    /// Starts a node without peers.
    pub(crate) fn start() -> Self {
        Self::start_at(free_port(), "dc-east", None)
    }

    /// Starts a node of dc-east without peers on a data directory that outlives it.
    pub(crate) fn start_in(data: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::spawn(directory, data, free_port(), "dc-east", (None, None))
    }

    /// Starts a node without peers whose backups go below a directory.
    pub(crate) fn with_backups(backups: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        Self::spawn(directory, &data, free_port(), "dc-east", (None, Some(backups)))
    }

    /// Starts two nodes that pull from each other.
    pub(crate) fn pair() -> (Self, Self) {
        let (east, west) = (free_port(), free_port());
        let first = Self::start_at(east, "dc-east", Some(("dc-west", west)));
        let second = Self::start_at(west, "dc-west", Some(("dc-east", east)));
        (first, second)
    }

    /// Starts a node of dc-east whose peer dc-west is not there.
    pub(crate) fn with_absent_peer() -> Self {
        Self::start_at(free_port(), "dc-east", Some(("dc-west", free_port())))
    }

    /// Starts a node with the database `customers`, where `/stock` is a counter and `/tags` a set.
    pub(crate) fn with_customers() -> Self {
        let node = Self::start();
        node.create_customers();
        node
    }

    pub(crate) fn create_customers(&self) {
        let arguments = [
            "database",
            "create",
            "customers",
            "--rule",
            "/stock=counter",
            "--rule",
            "/tags=set",
        ];
        self.run(&arguments).text();
    }

    fn start_at(port: u16, datacenter: &str, peer: Option<(&str, u16)>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        Self::spawn(directory, &data, port, datacenter, (peer, None))
    }

    fn spawn(
        directory: TempDir,
        data: &Path,
        port: u16,
        datacenter: &str,
        (peer, backups): (Option<(&str, u16)>, Option<&Path>),
    ) -> Self {
        let mut command = rejoin();
        command.args([
            "serve",
            "--datacenter",
            datacenter,
            "--grpc",
            &format!("127.0.0.1:{port}"),
            "--data",
        ]);
        command.arg(data);
        if let Some(backups) = backups {
            command.arg("--backups").arg(backups);
        }
        if let Some((name, port)) = peer {
            command.args(["--peer", &format!("{name}=http://127.0.0.1:{port}")]);
        }
        let log = File::create(directory.path().join("log")).expect("a log file");
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("rejoin starts");
        let mut node = Self {
            process,
            directory,
            address: format!("http://127.0.0.1:{port}"),
        };
        node.wait_until_ready();
        node
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_WITHIN;
        while self.run(&["status"]).status != 0 {
            let ended = self.process.try_wait().expect("the process can be asked");
            let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the node is not ready ({ended:?}): {}",
                log()
            );
        }
    }

    /// Stops the node in order.
    pub(crate) fn terminate(mut self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").arg(id).status().expect("kill runs");
        assert!(sent.success());
        let ended = self.process.wait().expect("the process can be asked");
        assert!(ended.success(), "{ended}");
    }

    /// A directory that goes with the node.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file beside the node's data.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path
    }

    /// A client command on this node that is not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rejoin();
        command
            .args(arguments)
            .env("REJOIN_ADDRESS", &self.address)
            .stdin(Stdio::null());
        command
    }

    /// Runs a client command on this node.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.command(arguments).output().expect("rejoin runs").into()
    }

    /// Runs a client command with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Finished {
        self.run(&[arguments, &["--json"]].concat())
    }

    /// Runs a client command with `input` on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("rejoin runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("the input is read");
        drop(stdin);
        child.wait_with_output().expect("rejoin ends").into()
    }

    /// The address that was given out.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary, whatever the environment of the test says.
pub(crate) fn rejoin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.env_remove("REJOIN_ADDRESS").env_remove("RUST_LOG");
    command
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Asks until `condition` holds. Each question starts a process, so that this does not spin.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
    }
}
