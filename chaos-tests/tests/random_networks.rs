//! Random networks of two to five datacenters in any connected topology, driven by the very machines and stores of production: cuts, black holes,
//! late, partial, repeated and lost batches, forgetting, compaction of histories that keep next to nothing, crashes, a database that is deleted and
//! created again by everybody, and nodes that come back with an older disk, told or not. When the faults stop, every node must know every
//! acknowledged write, show the same and have equal digests; no revision may name two bodies; no acknowledged write may be reverted.
//!
//! `REJOIN_SEEDS=5000 cargo test -p rejoin-chaos --test random_networks` runs more of them; `REJOIN_SEED=17` runs one,
//! or begins with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rejoin_chaos::simulation::core::walk;

/// Seeds of one run of the tests. So many catch, each several times, forgetting by age alone and forgetting what only the direct peers are known to have.
const SEEDS: u64 = 2_000;

// A switch for people who look for more, or at one.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_acknowledged_write_survives_random_networks() {
    let one = number("REJOIN_SEED");
    let count = number("REJOIN_SEEDS").unwrap_or(if one.is_some() { 1 } else { SEEDS });
    let from = one.unwrap_or(0);
    let (mut deletions, mut late_writes) = (0, 0);
    let (mut writes, mut restored, mut found_out, mut repaired, mut reports, mut failed) = (0, 0, 0, 0, 0, Vec::new());
    for seed in from..from + count {
        let Ok(summary) = catch_unwind(AssertUnwindSafe(|| walk(seed))) else {
            eprintln!("seed {seed} failed; run it again with REJOIN_SEED={seed}");
            failed.push(seed);
            continue;
        };
        writes += summary.writes;
        restored += usize::from(summary.restored);
        found_out += summary.found_out;
        repaired += usize::from(summary.repaired > 0);
        reports += summary.reports;
        deletions += summary.deletions;
        late_writes += summary.late_writes;
    }
    println!(
        "{count} random networks, {writes} acknowledged writes, {restored} with restored nodes ({found_out} found it out by themselves), {repaired} repaired, {reports} heal reports, {deletions} deleted databases with {late_writes} writes"
    );
    assert!(failed.is_empty(), "{} seeds failed: {failed:?}", failed.len());
    assert!(writes > 0, "nothing was written");
    assert!(one.is_some() || deletions > 0 && late_writes > 0, "nothing was deleted");
}
