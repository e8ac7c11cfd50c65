//! Whole nodes in one thread keep every promise while everything goes wrong that can be simulated.
//!
//! This binary defines `fsync` and `fdatasync` itself, so that a power cut can take from real files what was not synced.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interposed;

use std::time::Instant;

use rejoin_chaos::checker;
use rejoin_chaos::plan::Plan;
use rejoin_chaos::simulation::nodes::{DiskKind, NodesRun, Setup, run, scale};

fn log(run: &NodesRun) -> Vec<u8> {
    let mut bytes = Vec::new();
    run.history.write(&mut bytes).unwrap();
    bytes
}

#[test]
fn trying() {
    let first: u64 = std::env::var("FIRST").map_or(1, |text| text.parse().unwrap());
    let count: u64 = std::env::var("COUNT").map_or(1, |text| text.parse().unwrap());
    let setup = Setup { disk: if std::env::var("ROCKS").is_ok() { DiskKind::Directory } else { DiskKind::Memory }, bug: None };
    for seed in first..first + count {
        let plan = Plan::generate(seed, &scale());
        print!("{plan}");
        let begun = Instant::now();
        let one = run(&plan, &setup).unwrap();
        let took = begun.elapsed();
        let report = checker::run(&one.history);
        println!("{report}");
        println!(
            "seed {seed}: {:?} simulated in {took:?}, {} operations, {} events, converged {:?}, fired {:?}",
            one.simulated, one.operations, one.history.events.len(), one.converged_ms, one.fired
        );
        println!("failures {:?}", one.failures);
        if let Ok(path) = std::env::var("LOG") { std::fs::write(path, log(&one)).unwrap(); }
        if std::env::var("TWICE").is_ok() {
            let two = run(&plan, &setup).unwrap();
            println!("same {}", log(&one) == log(&two));
            if let Ok(path) = std::env::var("LOG") { std::fs::write(format!("{path}.2"), log(&two)).unwrap(); }
        }
    }
}
