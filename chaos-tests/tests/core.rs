//! The pure core keeps every promise under its plans of faults, and does the same each time.

use rejoin_chaos::plan::Plan;
use rejoin_chaos::simulation::core::Core;
use rejoin_chaos::simulation::{Seeds, Stage, simulate};

const SEEDS: Seeds = Seeds { first: 1, count: 200 };

#[test]
fn the_core_keeps_every_promise() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let summary = simulate(&Core, SEEDS, directory.path());
    println!("{summary}");
    assert!(summary.is_clean(), "{summary}");
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_log_to_the_byte() {
    for seed in [1, 2] {
        let plan = Plan::generate(seed, &Core.scale());
        let (one, two) = (Core.run(&plan), Core.run(&plan));
        assert!(!one.log.is_empty());
        assert!(one.log == two.log, "seed {seed}: the logs differ");
    }
}
