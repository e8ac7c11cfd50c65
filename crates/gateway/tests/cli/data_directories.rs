//! Data directories that `serve` must not use: exit status 1, a message that says what to do, and nothing is changed.

use std::path::Path;

use rejoin_store::{Batch, Durability, Engine, Family, RocksEngine, RocksOptions};
use tempfile::TempDir;

use super::finished::Finished;
use super::node::{Node, rejoin};

fn serve(datacenter: &str, data: &Path) -> Finished {
    let mut command = rejoin();
    command.args(["serve", "--datacenter", datacenter, "--grpc", "127.0.0.1:0", "--data"]);
    command.arg(data).output().expect("rejoin runs").into()
}

#[track_caller]
fn assert_refused(finished: &Finished, expected: &[&str]) {
    assert_eq!((finished.status, finished.stdout.as_str()), (1, ""), "{finished:?}");
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("rejoin: "), "{finished:?}");
    for text in expected {
        assert!(last.contains(text), "{text:?} is missing: {finished:?}");
    }
}

/// The data directory that a node of dc-east has left.
fn left_by_dc_east() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    Node::start_in(directory.path()).terminate();
    directory
}

#[test]
fn a_directory_of_another_format_version_is_not_opened() {
    let directory = left_by_dc_east();
    let engine = RocksEngine::open(directory.path(), &RocksOptions::default()).unwrap();
    let mut batch = Batch::new();
    batch.put(Family::Meta, b"format".to_vec(), 99_u32.to_be_bytes().to_vec());
    engine.write(batch, Durability::Synced).unwrap();
    drop(engine);
    let refused = serve("dc-east", directory.path());
    assert_refused(&refused, &["has format 99", "run the version that wrote it"]);
}

#[test]
fn a_directory_that_another_process_uses_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start_in(directory.path());
    let refused = serve("dc-east", directory.path());
    assert_refused(&refused, &["in use by another process", "--data"]);
    node.run(&["status"]).text();
}

#[test]
fn a_directory_of_another_datacenter_is_not_opened() {
    let directory = left_by_dc_east();
    let refused = serve("dc-west", directory.path());
    assert_refused(&refused, &["belongs to dc-east", "--datacenter dc-east"]);
    Node::start_in(directory.path()).run(&["status"]).text();
}

#[test]
fn a_directory_with_somebody_elses_files_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    let refused = serve("dc-east", directory.path());
    assert_refused(&refused, &["is not empty", "notes.txt", "--data"]);
    let files: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["notes.txt"]);
}
