//! Whole nodes in one thread keep every promise while everything goes wrong that can be simulated.
//!
//! This binary defines `fsync` and `fdatasync` itself, so that a power cut can take from real files what was not synced.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interposed;

#[cfg(debug_assertions)]
use rejoin_chaos::checker;
use rejoin_chaos::plan::Plan;
#[cfg(debug_assertions)]
use rejoin_chaos::plan::{FaultKind, Scale};
#[cfg(debug_assertions)]
use rejoin_chaos::simulation::Judged;
use rejoin_chaos::simulation::nodes::{DiskKind, WholeNodes};
use rejoin_chaos::simulation::{Seeds, Stage, judge, simulate};
#[cfg(debug_assertions)]
use rejoin_document::planted::{Bug, plant};

/// Whole nodes of which only some things go wrong.
#[cfg(debug_assertions)]
struct Only {
    disk: DiskKind,
    kinds: &'static [FaultKind],
    faults_min: usize,
}

#[cfg(debug_assertions)]
impl Stage for Only {
    fn name(&self) -> &'static str {
        "whole nodes"
    }

    fn scale(&self) -> Scale {
        Scale {
            kinds: self.kinds,
            faults_min: self.faults_min,
            lasting_ms: 25_000,
            ..WholeNodes::default().scale()
        }
    }

    fn reductions_max(&self) -> usize {
        0
    }

    fn run(&self, plan: &Plan) -> rejoin_chaos::simulation::Ran {
        WholeNodes { disk: self.disk }.run(plan)
    }
}

#[cfg(debug_assertions)]
impl Only {
    fn judge(&self, seed: u64) -> Judged {
        judge(self, &Plan::generate(seed, &self.scale()))
    }

    /// The first seed at which a checker finds a planted bug.
    fn found(&self, bug: Bug, checker: &str, seeds_max: u64) -> u64 {
        let sound = self.judge(1);
        assert!(!sound.finders().contains(&checker), "{:?}", sound.findings());
        let _planted = plant(bug);
        let found = |seed: &u64| {
            let judged = self.judge(*seed);
            println!("{bug:?}, seed {seed}: found by {:?}", judged.finders());
            judged.finders().contains(&checker)
        };
        let seed = (1..=seeds_max).find(found);
        seed.unwrap_or_else(|| panic!("{checker} does not find {bug:?} in {seeds_max} seeds"))
    }
}

#[test]
fn whole_nodes_keep_every_promise() {
    let directory = tempfile::tempdir().unwrap();
    let summary = simulate(&WholeNodes::default(), Seeds { first: 1, count: 20 }, directory.path());
    println!("{summary}");
    assert!(summary.is_clean(), "{summary}");
}

#[test]
fn whole_nodes_on_rocksdb_keep_every_promise() {
    let stage = WholeNodes {
        disk: DiskKind::Directory,
    };
    let directory = tempfile::tempdir().unwrap();
    let summary = simulate(&stage, Seeds { first: 101, count: 2 }, directory.path());
    println!("{summary}");
    assert!(summary.is_clean(), "{summary}");
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let stage = WholeNodes::default();
    for seed in [1, 2, 3] {
        let plan = Plan::generate(seed, &stage.scale());
        let (one, two) = (stage.run(&plan), stage.run(&plan));
        assert!(!one.log.is_empty());
        if let Some((number, (one, two))) = first_difference(&one.log, &two.log) {
            panic!("seed {seed}: line {number} differs:\n{one}\n{two}");
        }
    }
}

fn first_difference(one: &[u8], two: &[u8]) -> Option<(usize, (String, String))> {
    let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let lines = one.split(|byte| *byte == b'\n').zip(two.split(|byte| *byte == b'\n'));
    let different = lines.enumerate().find(|(_, (one, two))| one != two);
    let lengths = (one.len() != two.len()).then(|| (0, (one.len().to_string(), two.len().to_string())));
    different
        .map(|(number, (one, two))| (number, (text(one), text(two))))
        .or(lengths)
}

#[cfg(debug_assertions)]
#[test]
fn a_node_that_does_not_sync_is_found_out_by_a_power_cut() {
    for disk in [DiskKind::Memory, DiskKind::Directory] {
        let stage = Only {
            disk,
            kinds: &[FaultKind::PowerCut],
            faults_min: 6,
        };
        assert!(stage.found(Bug::NoSync, checker::durability::NAME, 3) <= 3);
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_link_that_never_notices_that_it_is_dead_is_found_out() {
    let stage = Only {
        disk: DiskKind::Memory,
        kinds: &[FaultKind::BlackHole, FaultKind::HalfOpen],
        faults_min: 6,
    };
    assert!(stage.found(Bug::NoKeepalive, checker::liveness::NAME, 3) <= 3);
}

/// For a closer look at one seed: `SEED=7 cargo test --test whole_nodes environment -- --nocapture`.
#[test]
fn the_seed_of_the_environment_is_clean() {
    let stage = WholeNodes {
        disk: match std::env::var("ROCKS") {
            Ok(_) => DiskKind::Directory,
            Err(_) => DiskKind::Memory,
        },
    };
    let seed = std::env::var("SEED").map_or(1, |text| text.parse().unwrap());
    let plan = Plan::generate(seed, &stage.scale());
    let judged = judge(&stage, &plan);
    println!(
        "{plan}{}\n{:?}\n{:?}",
        judged.report, judged.ran.fired, judged.ran.troubles
    );
    if let Ok(path) = std::env::var("LOG") {
        std::fs::write(path, &judged.ran.log).unwrap();
    }
    assert!(judged.is_clean(), "{:?}", judged.findings());
}
