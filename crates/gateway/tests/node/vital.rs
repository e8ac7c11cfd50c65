//! A panic: in a task without which the node is none it ends the process, with a status and a line that say so; in a call of a client it ends that call.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rejoin_api::Reason;
use rejoin_client::{CallError, LinkState};
use rejoin_store::planted_panic::{BEFORE_ANSWERS, BEFORE_COMMIT, CALL, VARIABLE};
use tempfile::TempDir;

use crate::common::{DEADLINE, client, database, eventually, free_address, text};
use crate::process::{Running, command};

/// What a node ends with that has lost such a task.
const NODE_FAILED: i32 = 70;

const WRITERS: usize = 10;

/// A node as a process, in whose tasks panics can be planted.
struct Failing {
    name: &'static str,
    directory: TempDir,
    grpc: SocketAddr,
    http: SocketAddr,
    peers: Vec<String>,
    process: Option<Running>,
}

impl Failing {
    fn new(name: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("panics")).unwrap();
        Self {
            name,
            directory,
            grpc: free_address(),
            http: free_address(),
            peers: Vec::new(),
            process: None,
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn plant(&self, task: &str) {
        std::fs::write(self.path("panics").join(task), []).unwrap();
    }

    fn launch(&mut self) {
        let (data, grpc, http) = (self.path("data"), self.grpc.to_string(), self.http.to_string());
        let mut arguments = vec!["--datacenter", self.name, "--grpc", &grpc, "--http", &http];
        for peer in &self.peers {
            arguments.extend(["--peer", peer]);
        }
        let errors = std::fs::File::create(self.path("log")).unwrap();
        let mut command = command(&arguments);
        command.arg("--data").arg(data).env(VARIABLE, self.path("panics"));
        self.process = Some(Running(command.stderr(Stdio::from(errors)).spawn().unwrap()));
    }

    async fn start(&mut self) {
        self.launch();
        let client = client(self.grpc);
        eventually("the node answers", async || client.status().await.is_ok()).await;
    }

    fn is_alive(&mut self) -> bool {
        self.process.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Waits until the process has ended by itself; its status and its log.
    async fn ended(&mut self) -> (Option<i32>, String) {
        let end = Instant::now() + DEADLINE;
        let process = self.process.as_mut().unwrap();
        let status = loop {
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it goes on: {}", read(&self.path("log")));
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        (status.code(), read(&self.path("log")))
    }

    async fn ends_because_of(&mut self, task: &str) {
        let (status, log) = self.ended().await;
        assert_eq!(status, Some(NODE_FAILED), "{task}: {log}");
        let last = log.lines().last().unwrap_or_default();
        for expected in [&format!("task `{task}` panicked"), "Start the node again", "report"] {
            assert!(
                last.contains(expected),
                "{task}: {expected} is not in the last line of {log}"
            );
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_loses_any_of_its_tasks_ends_with_70_names_it_and_says_what_to_do() {
    let tasks = [
        "gRPC server",
        "HTTP server",
        "view indexes",
        "cleaning",
        "purging",
        "sampling",
        "link to dc-west",
    ];
    for task in tasks {
        let mut node = Failing::new("dc-east");
        node.peers = vec!["dc-west=http://127.0.0.1:1".to_owned()];
        node.plant(task);
        node.launch();
        node.ends_because_of(task).await;
    }
}

/// What a client was told of its writes: those that were acknowledged, and the first that was not.
struct Told {
    acknowledged: Vec<String>,
    last: (String, CallError),
}

/// Writes documents of its own until one is not acknowledged.
async fn write_on(address: SocketAddr, writer: usize, acknowledged: Arc<AtomicUsize>) -> Told {
    let (client, mut ids) = (client(address), Vec::new());
    loop {
        let id = format!("d{writer}-{}", ids.len());
        match client.create("things", &id, text("{}")).await {
            Ok(_) => ids.push(id),
            Err(error) => {
                return Told {
                    acknowledged: ids,
                    last: (id, error),
                };
            }
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_that_waits_for_a_pipeline_that_dies_is_answered_and_what_was_acknowledged_is_kept() {
    for (planted, is_durable) in [(BEFORE_ANSWERS, true), (BEFORE_COMMIT, false)] {
        let mut node = Failing::new("dc-east");
        node.start().await;
        client(node.grpc)
            .create_database(&database("things", &[]))
            .await
            .unwrap();
        let (mut writes, acknowledged) = (tokio::task::JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        for writer in 0..WRITERS {
            writes.spawn(write_on(node.grpc, writer, Arc::clone(&acknowledged)));
        }
        eventually("clients write", async || {
            acknowledged.load(Ordering::SeqCst) > 2 * WRITERS
        })
        .await;
        node.plant(planted);
        let told = tokio::time::timeout(DEADLINE, writes.join_all()).await;
        let told = told.expect("nobody waits for a pipeline that is dead");
        node.ends_because_of("commit pipeline").await;
        node.start().await;
        let after = client(node.grpc);
        let (mut unknown, mut kept) = (0, 0);
        for Told { acknowledged, last } in &told {
            for id in acknowledged {
                after.get("things", id).await.unwrap();
            }
            let is_unknown = matches!(last.1, CallError::Unknown { .. });
            unknown += usize::from(is_unknown);
            match after.get("things", &last.0).await {
                Ok(_) if is_unknown => kept += 1,
                Err(error) => assert_eq!(error.reason(), Some(Reason::DocumentNotFound), "{error}"),
                Ok(_) => panic!("{} is there, and was answered {}", last.0, last.1),
            }
        }
        assert!(unknown > 0, "{planted}: nobody was told that the outcome is unknown");
        let right = if is_durable { kept > 0 } else { kept < unknown };
        assert!(right, "{planted}: {kept} of {unknown} are there");
        after.create("things", "later", text("{}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_task_for_a_puller_panics_ends_alone_and_is_linked_again_once_it_is_started() {
    let (mut east, mut west) = (Failing::new("dc-east"), Failing::new("dc-west"));
    east.peers = vec![format!("dc-west=http://{}", west.grpc)];
    west.peers = vec![format!("dc-east=http://{}", east.grpc)];
    east.start().await;
    west.start().await;
    let client = client(west.grpc);
    let connected = async || {
        let status = client.status().await.unwrap();
        status.links.iter().all(|link| link.state == LinkState::Connected)
    };
    eventually("the nodes are linked", &connected).await;
    east.plant("link from a peer");
    east.ends_because_of("link from a peer").await;
    assert!(west.is_alive());
    east.start().await;
    eventually("the nodes are linked again", &connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_panics_is_answered_as_unknown_and_neither_its_node_nor_its_connection_ends() {
    let mut node = Failing::new("dc-east");
    node.start().await;
    let client = client(node.grpc);
    client.create_database(&database("things", &[])).await.unwrap();
    node.plant(CALL);
    let error = client.create("things", "a", text("{}")).await.unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    assert!(error.to_string().contains("report the panic in the log"), "{error}");
    client.create("things", "a", text("{}")).await.unwrap();
    let mut connection = TcpStream::connect(node.http).unwrap();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(asked(&mut connection).0, 200);
    node.plant(CALL);
    let (status, body) = asked(&mut connection);
    assert_eq!(status, 500, "{body}");
    assert!(
        body.contains("internal_server_error") && body.contains("report the panic in the log"),
        "{body}"
    );
    assert_eq!(asked(&mut connection).0, 200);
    assert!(node.is_alive());
}

/// The status and the body that a request for the root is answered with.
fn asked(connection: &mut TcpStream) -> (u16, String) {
    connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}
