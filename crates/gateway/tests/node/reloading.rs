//! SIGHUP: what of the settings changes in a running node, what waits for the next start, and what becomes of a file that makes no sense.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::mpsc::{self, Receiver};

use tempfile::TempDir;

use crate::common::{DEADLINE, free_address};
use crate::process::{Running, serve, signal};

/// A body of depth 5.
const DEEP: &str = r#"{"a":{"b":{"c":{"d":1}}}}"#;

/// A node with a file of settings, and the lines that it logs.
struct Configured {
    directory: TempDir,
    address: SocketAddr,
    process: Running,
    log: Receiver<String>,
}

impl Configured {
    /// Starts a node with the database `things` from a file that holds `text`.
    fn start(text: &str) -> Self {
        let (directory, address) = (tempfile::tempdir().unwrap(), free_address());
        let file = directory.path().join("node.toml");
        std::fs::write(&file, text).unwrap();
        let arguments = ["--config", file.to_str().unwrap()];
        let mut process = serve(&directory.path().join("data"), &address.to_string(), &arguments);
        let errors = BufReader::new(process.stderr.take().unwrap());
        let (sender, log) = mpsc::channel();
        // It ends with the process, or with the test.
        std::thread::spawn(move || {
            errors
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let node = Self {
            directory,
            address,
            process,
            log,
        };
        node.logged_until("ready");
        assert!(node.rejoin(&["database", "create", "things"]).status.success());
        node
    }

    /// Puts `text` into the file, sends SIGHUP, and returns what is logged up to `end`.
    fn reload(&self, text: &str, end: &str) -> String {
        std::fs::write(self.directory.path().join("node.toml"), text).unwrap();
        signal(&self.process, "HUP");
        self.logged_until(end)
    }

    fn logged_until(&self, end: &str) -> String {
        let mut lines = String::new();
        while !lines.contains(end) {
            let line = self.log.recv_timeout(DEADLINE);
            lines += &line.unwrap_or_else(|_| panic!("{end:?} never came: {lines}"));
            lines.push('\n');
        }
        lines
    }

    fn rejoin(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        let address = format!("http://{}", self.address);
        command.args(arguments).args(["--address", &address]).output().unwrap()
    }

    /// Whether a new document may have the body `DEEP`, and an old one may come to it by a patch.
    fn takes_deep(&self, id: &str) -> [bool; 2] {
        let put = self.rejoin(&["put", "things", id, DEEP]).status.success();
        let (flat, patched) = (r#"{"x":1}"#, format!("{id}-patched"));
        assert!(self.rejoin(&["put", "things", &patched, flat]).status.success());
        [put, self.rejoin(&["patch", "things", &patched, DEEP]).status.success()]
    }

    fn stop(mut self) {
        signal(&self.process, "TERM");
        assert!(self.process.wait().unwrap().success());
    }
}

fn has(log: &str, expected: &str) {
    assert!(log.contains(expected), "{expected} is missing in {log}");
}

#[test]
fn settings_that_can_change_do_and_those_that_wait_for_a_restart_are_named() {
    let node = Configured::start("[limits]\ndepth_max = 10\n");
    assert_eq!(node.takes_deep("before"), [true, true]);
    let text = "[limits]\ndepth_max = 3\n[links]\nwindow_bytes = 9000000\n[grpc]\nload_window = 7\n";
    let log = node.reload(text, "next start only");
    has(&log, "changed=\"grpc.load_window, limits.depth_max\"");
    has(&log, "settings=\"links.window_bytes\"");
    assert_eq!(
        node.takes_deep("narrow"),
        [false, false],
        "writes and patches are bounded anew"
    );
    let log = node.reload(
        "[limits]\ndepth_max = 6\n[grpc]\nload_window = 7\n",
        "settings have changed",
    );
    has(&log, "changed=\"limits.depth_max\"");
    assert!(
        !log.contains("links.window_bytes"),
        "it is as at the start again: {log}"
    );
    assert_eq!(node.takes_deep("wide"), [true, true]);
    node.stop();
}

#[test]
fn what_is_logged_changes_in_a_running_node() {
    let waits = "[links]\nwindow_bytes = 9000000\n[log]\nfilter = ";
    let node = Configured::start("");
    let log = node.reload(&format!("{waits}\"warn\""), "next start only");
    assert!(!log.contains("INFO"), "only warnings are let through: {log}");
    let log = node.reload(&format!("{waits}\"info\""), "next start only");
    has(&log, "changed=\"log.filter\"");
    let log = node.reload("[log]\nfilter = \"rejoin_gateway=loud\"", "stay as they are");
    has(&log, "rejoin_gateway=loud");
    node.stop();
}

#[test]
fn a_file_that_makes_no_sense_changes_nothing_and_the_log_says_why() {
    let node = Configured::start("[limits]\ndepth_max = 3\n");
    let cases = [
        (
            "[limits]\ndepth_max = 10\nleafs_max = 7\n",
            "line 3: limits.leafs_max is no setting; the nearest is limits.leaves_max",
        ),
        (
            "[limits]\ndepth_max = 10\n[links]\nheartbeat_ms = 0\n",
            "links.heartbeat_ms must be greater than zero",
        ),
        ("[limits]\ndepth_max = \"ten\"\n", "line 2: "),
        ("[limits\n", "line 1: "),
    ];
    for (number, (text, why)) in cases.into_iter().enumerate() {
        has(&node.reload(text, "stay as they are"), why);
        assert_eq!(node.takes_deep(&format!("deep-{number}")), [false, false]);
    }
    node.stop();
}
