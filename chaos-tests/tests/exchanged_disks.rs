//! Invariant: real nodes that come back with an older disk, a copy of one, or none serve at once under another replica id, and with their peers they
//! keep every promise that a checker knows.

use std::time::Duration;

use rejoin_chaos::plan::Topology;
use rejoin_chaos::scenario::{Exchanged, Ground, Trial, Weather, workload};
use rejoin_chaos::workload::seed;

const PLACES: [(Topology, usize); 3] = [(Topology::Pair, 2), (Topology::Line, 3), (Topology::Mesh, 3)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_with_older_copied_and_empty_disks_converge_and_lose_nothing() -> anyhow::Result<()> {
    let seed = seed("nodes_with_older_copied_and_empty_disks_converge_and_lose_nothing")?;
    let (topology, datacenters) = PLACES[usize::try_from(seed)? % PLACES.len()];
    println!("{topology} of {datacenters}");
    let mut ground = Exchanged::start(topology, datacenters).await?;
    let trial = Trial {
        seed,
        weather: Weather {
            topology,
            datacenters,
            lasting: Duration::from_secs(23),
            trouble: Duration::from_millis(1_300),
            // In it the nodes become equal, one of them starts again, and clients write at it.
            calm: Duration::from_millis(4_000),
        },
        workload: workload(),
    };
    let verdict = trial.run(&mut ground).await?;
    println!("{verdict}");
    assert_eq!(
        verdict.complaints(&ground.kinds(), 150),
        Vec::<String>::new(),
        "seed {seed}"
    );
    Ok(())
}
