//! The sessions of the documents run as they are printed.

use crate::node::Node;
use crate::session::{has, run};

#[test]
fn couchdbs_chapter_on_conflicts_runs_as_it_is_printed() {
    run(&Node::start(), "couchdb.session");
}

#[test]
fn sync_gateways_guide_runs_as_it_is_printed() {
    if !has("node") {
        println!("skipped: the program of the guide needs node");
        return;
    }
    // Its pages have clients at one port and administrators at another.
    let node = Node::with_two_addresses();
    assert_ne!(node.host(), node.second_host());
    run(&node, "sync_gateway.session");
}

#[test]
fn sesams_interaction_runs_as_it_is_printed() {
    run(&Node::start(), "sesam.session");
}

#[test]
fn api_logic_servers_optimistic_locking_runs_as_it_is_printed() {
    run(&Node::start(), "apilogicserver.session");
}
