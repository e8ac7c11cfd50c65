//! What keeps a node from starting is said clearly, and leaves everything as it was.

use std::path::Path;

use crate::common::{TestNode, free_address};
use rejoin_client::LinkState;
use rejoin_gateway::StartError;
use rejoin_gateway::config::Settings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.stop().await;
    node.settings.grpc.address = taken.local_addr().unwrap();
    let error = node.try_start().await.unwrap_err();
    assert!(matches!(error, StartError::AddressInUse { .. }), "{error:?}");
    assert!(error.to_string().contains("--grpc"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_that_is_in_use_is_refused() {
    let mut first = TestNode::start("dc-east", free_address(), &[]).await;
    let mut second = TestNode::start("dc-west", free_address(), &[]).await;
    second.stop().await;
    let own = std::mem::replace(&mut second.settings.node.data, first.settings.node.data.clone());
    let error = second.try_start().await.unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    second.settings.node.data = own;
    second.try_start().await.unwrap();
    first.create_things().await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_claim_one_name_refuse_to_link() {
    let (one, two) = (free_address(), free_address());
    let mut first = TestNode::start("dc-east", one, &[("dc-west", two)]).await;
    let mut second = TestNode::start("dc-east", two, &[("dc-west", one)]).await;
    first.wait_for_link("dc-west", LinkState::Refused).await;
    let status = first.client.status().await.unwrap();
    assert!(
        status.links[0]
            .reason
            .as_deref()
            .unwrap_or_default()
            .contains("datacenter name"),
        "{:?}",
        status.links
    );
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_directory_gets_an_identity_of_its_own() {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    let before = node.client.status().await.unwrap().replica;
    node.stop().await;
    let copy = tempfile::tempdir().unwrap();
    copy_directory(&node.settings.node.data, copy.path());
    node.settings.node.data = copy.path().to_owned();
    node.try_start().await.unwrap();
    assert_ne!(node.client.status().await.unwrap().replica, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_put_back_in_its_place_gets_a_new_identity_and_a_restart_does_not() {
    let mut node = TestNode::start("dc-east", free_address(), &[]).await;
    let replica = node.client.status().await.unwrap().replica;
    node.stop().await;
    let (backup, data) = (tempfile::tempdir().unwrap(), node.settings.node.data.clone());
    copy_directory(&data, backup.path());
    node.try_start().await.unwrap();
    assert_eq!(node.client.status().await.unwrap().replica, replica);
    node.stop().await;
    // Aside and not away, or the file system would give the copy the numbers that become free.
    std::fs::rename(&data, data.with_extension("old")).unwrap();
    std::fs::create_dir(&data).unwrap();
    copy_directory(backup.path(), &data);
    node.try_start().await.unwrap();
    assert_ne!(node.client.status().await.unwrap().replica, replica);
    node.stop().await;
}

fn copy_directory(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_defaults_serve_on_loopback_only() {
    let settings = Settings::default();
    assert!(settings.grpc.address.ip().is_loopback());
    assert!(settings.http.addresses.is_empty() && !settings.grpc.insecure);
}
