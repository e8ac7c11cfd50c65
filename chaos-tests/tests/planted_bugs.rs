//! The suite is alive: each bug that is planted in the code is found by a checker that is named here, within so many seeds, and by none without it.
//!
//! Bugs that a network has to show are in `whole_nodes`.
#![cfg(debug_assertions)]

use rejoin_chaos::plan::Plan;
use rejoin_chaos::simulation::core::Core;
use rejoin_chaos::simulation::{Judged, Stage, judge};
use rejoin_document::planted::{Bug, plant};

/// Runs seeds until a checker finds the bug, and the same seed without it, which it finds nothing in.
fn found(bug: Bug, checker: &str, seeds_max: u64) {
    let run = |seed: u64| -> Judged { judge(&Core, &Plan::generate(seed, &Core.scale())) };
    let finds = |judged: &Judged| judged.finders().contains(&checker);
    let planted = plant(bug);
    let seed = (1..=seeds_max).find(|seed| {
        let judged = run(*seed);
        println!("{bug:?}, seed {seed}: found by {:?}", judged.finders());
        finds(&judged)
    });
    drop(planted);
    let seed = seed.unwrap_or_else(|| panic!("{checker} does not find {bug:?} in {seeds_max} seeds"));
    let sound = run(seed);
    assert!(!finds(&sound), "without {bug:?}: {:#?}", sound.findings());
}

#[test]
fn the_last_writer_wins_is_found_by_never_reverted() {
    found(Bug::LastWriterWins, "never_reverted", 2);
}

#[test]
fn time_taken_for_causality_is_found_by_never_reverted() {
    found(Bug::TimeForCausality, "never_reverted", 2);
}

#[test]
fn a_stale_write_without_its_base_is_found_by_never_reverted() {
    found(Bug::StaleWithoutBase, "never_reverted", 2);
}

#[test]
fn knowledge_ahead_of_its_scan_is_found_by_convergence() {
    found(Bug::KnowledgeTooEarly, "convergence", 2);
}

#[test]
fn a_merge_in_the_order_of_a_map_is_found_by_sessions() {
    found(Bug::MapOrder, "sessions", 2);
}

#[test]
fn forgetting_by_age_is_found_by_forgetting() {
    found(Bug::ForgottenByAge, "forgetting", 10);
}

#[test]
fn a_sync_that_is_only_claimed_is_found_by_durability() {
    found(Bug::NoSync, "durability", 20);
}

#[test]
fn an_identity_that_outlives_its_disk_is_found_by_identity() {
    found(Bug::IdentityKept, "identity", 160);
}
