//! Runs a session as it is written: a line that begins with `>` is a command for the shell, what follows is its answer, three dots in it stand for
//! anything, and a line that begins with `#` is for readers.

use std::path::Path;
use std::process::Command;

use crate::node::Node;

/// The addresses of the documents: all of them are the node's, one its second.
const ADDRESSES: [&str; 5] = [
    "127.0.0.1:5984",
    "localhost:4984",
    "localhost:9042",
    "localhost:5000",
    "localhost:5656",
];
const SECOND_ADDRESS: &str = "localhost:4985";

/// Whether a program can be run here.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    found.is_ok_and(|found| found.status.success())
}

/// Runs all commands of a session against a node, and compares what they print.
pub(crate) fn run(node: &Node, session: &str) {
    assert!(has("curl"), "the sessions are curl's: install curl");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http");
    let text = std::fs::read_to_string(folder.join(session)).unwrap();
    let work = tempfile::tempdir().unwrap();
    let (mut command, mut expected) = (None, String::new());
    for line in text.lines().chain(["> "]) {
        if let Some(next) = line.strip_prefix("> ") {
            if let Some(command) = command.replace(next) {
                check(node, &folder, work.path(), command, expected.trim_end());
            }
            expected.clear();
        } else if !line.starts_with('#') {
            expected.push_str(line);
            expected.push('\n');
        }
    }
}

fn check(node: &Node, folder: &Path, work: &Path, command: &str, expected: &str) {
    let mut shell = command.replace(SECOND_ADDRESS, &node.second_host());
    for address in ADDRESSES {
        shell = shell.replace(address, &node.host());
    }
    // The program of the guide has its address in its text.
    let program = std::fs::read_to_string(folder.join("sync_gateway/index.js")).unwrap();
    std::fs::write(
        work.join("index.js"),
        program.replace(SECOND_ADDRESS, &node.second_host()),
    )
    .unwrap();
    shell = shell.replace("sync_gateway/index.js", work.join("index.js").to_str().unwrap());
    let rejoin = Path::new(env!("CARGO_BIN_EXE_rejoin")).parent().unwrap();
    let output = Command::new("bash")
        .args(["-c", &format!("curl() {{ command curl -sS \"$@\"; }}; {shell}")])
        .current_dir(folder)
        .env("HOST", format!("http://{}", node.host()))
        .env("WORK", work)
        .env("NODE_PATH", folder.join("sync_gateway"))
        .env("REJOIN_ADDRESS", node.address())
        .env(
            "PATH",
            format!("{}:{}", rejoin.display(), std::env::var("PATH").unwrap()),
        )
        .output()
        .unwrap();
    // The lines of CouchDB's rows end as those of HTTP do, which no page shows.
    let printed = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert!(
        matches(printed.trim_end(), expected),
        "{command}\nprinted\n{printed}\ninstead of\n{expected}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Whether a text is the pattern, in which three dots stand for anything.
fn matches(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, inner)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in inner {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn three_dots_stand_for_anything_and_nothing_else_does() {
    assert!(matches("abc", "abc") && matches("abc", "a...c") && matches("abc", "..."));
    assert!(!matches("abc", "ab") && !matches("abc", "a...d") && !matches("abc", "b...c"));
}
