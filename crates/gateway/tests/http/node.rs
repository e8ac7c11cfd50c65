//! A real `rejoin serve` with HTTP, ended with its test, and requests to it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running node.
pub(crate) struct Node {
    process: Child,
    directory: TempDir,
    grpc: u16,
    http: u16,
    /// The second address of HTTP, of a node that has two.
    second: Option<u16>,
    /// The token of the user for whom client commands call.
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The status and `error`.
    pub(crate) fn refused(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap().to_owned())
    }
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::start_at(free_port(), "dc-east", None, &[])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self::start_at(free_port(), "dc-east", None, arguments)
    }

    /// With files of users and of settings; the token is that of one who may ask for the status.
    pub(crate) fn with_users(users: &Path, token: &str, settings: &Path) -> Self {
        let arguments = [("--users", users), ("--config", settings)];
        let arguments = arguments.map(|(flag, file)| [flag, file.to_str().unwrap()]).concat();
        Self::start_as(Some(token), free_port(), "dc-east", None, &arguments)
    }

    /// With settings as a file has them.
    pub(crate) fn configured(settings: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), settings).unwrap();
        Self::with(&["--config", file.path().to_str().unwrap()])
    }

    /// One that serves HTTP at two addresses.
    pub(crate) fn with_two_addresses() -> Self {
        let second = free_port();
        let mut node = Self::with(&["--http", &format!("127.0.0.1:{second}")]);
        node.second = Some(second);
        node
    }

    /// Two nodes that pull from each other.
    pub(crate) fn pair() -> (Self, Self) {
        let (east, west) = (free_port(), free_port());
        let first = Self::start_at(east, "dc-east", Some(("dc-west", west)), &[]);
        let second = Self::start_at(west, "dc-west", Some(("dc-east", east)), &[]);
        (first, second)
    }

    fn start_at(grpc: u16, datacenter: &str, peer: Option<(&str, u16)>, arguments: &[&str]) -> Self {
        Self::start_as(None, grpc, datacenter, peer, arguments)
    }

    fn start_as(
        token: Option<&str>,
        grpc: u16,
        datacenter: &str,
        peer: Option<(&str, u16)>,
        arguments: &[&str],
    ) -> Self {
        let (directory, http) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        command
            .args(["serve", "--datacenter", datacenter])
            .args(["--grpc", &format!("127.0.0.1:{grpc}")])
            .args(["--http", &format!("127.0.0.1:{http}"), "--data"])
            .arg(directory.path().join("data"))
            .args(arguments)
            .env_remove("RUST_LOG");
        if let Some((name, port)) = peer {
            command.args(["--peer", &format!("{name}=http://127.0.0.1:{port}")]);
        }
        let log = File::create(directory.path().join("log")).unwrap();
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut node = Self {
            process,
            directory,
            grpc,
            http,
            second: None,
            token: token.map(str::to_owned),
        };
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect(("127.0.0.1", node.http)).is_err() || !node.rejoin(&["status"]).status.success() {
            let ended = node.process.try_wait().unwrap();
            let log = std::fs::read_to_string(node.directory.path().join("log")).unwrap_or_default();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "not ready ({ended:?}): {log}"
            );
            pause(20);
        }
        node
    }

    /// `host:port` of HTTP.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// `host:port` of the second address of HTTP, or of the only one.
    pub(crate) fn second_host(&self) -> String {
        format!("127.0.0.1:{}", self.second.unwrap_or(self.http))
    }

    /// The address for the client commands.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    /// A client command.
    pub(crate) fn rejoin(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        command.args(arguments).env("REJOIN_ADDRESS", self.address());
        command.envs(self.token.iter().map(|token| ("REJOIN_TOKEN", token)));
        command.stdin(Stdio::null()).output().unwrap()
    }

    pub(crate) fn rejoin_json(&self, arguments: &[&str]) -> Value {
        let output = self.rejoin(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("not JSON: {output:?}"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub(crate) fn put(&self, path: &str, body: &str) -> Answer {
        self.ask("PUT", path, &[], body)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &["Content-Type: application/json"], body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[], "")
    }

    /// One request on a connection of its own; the path goes out as it is.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.host(),
            body.len()
        );
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str("\r\n");
        self.send(&[request.as_bytes(), body.as_bytes()].concat())
    }

    /// A request whose client takes nothing of the answer.
    pub(crate) fn ask_and_wait(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        stream
    }

    /// Bytes on a connection of their own, and what comes back.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The node may have answered and gone before it has read all.
        let _ = stream.write_all(bytes);
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        Answer {
            status,
            head: head.to_owned(),
            body: if chunked { unchunked(body) } else { body.to_owned() },
        }
    }
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        if length == 0 || rest.len() < length {
            break;
        }
        body.push_str(&rest[..length]);
        text = rest[length..].trim_start_matches("\r\n");
    }
    body
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        pause(20);
    }
}

/// Lets time pass: between two questions, or to see that nothing happens in it.
#[expect(
    clippy::disallowed_methods,
    reason = "these tests have threads and no runtime; all that waits has a deadline"
)]
pub(crate) fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
