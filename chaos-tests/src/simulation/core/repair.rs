//! A node whose knowledge lies: it claims writes that it does not have. No scan will ever bring them; the comparison after the next connection does.

use rejoin_document::Sequence;
use rejoin_store::{Apply, Operation, Progress};

use super::walk::fields;
use super::world::World;
use crate::plan::Dice;

/// Two nodes without a link, the first with writes that the second claims to have.
fn liar(seed: u64) -> World {
    let mut world = World::of(seed, Dice::new(seed), 2);
    world.create_databases();
    (0..80).for_each(|_| world.calm(25));
    for link in 0..world.links.len() {
        world.links[link].up = false;
        world.reset(link, "connection reset");
    }
    while world
        .record
        .writes
        .iter()
        .filter(|write| write.database == fields())
        .count()
        < 8
    {
        world.write(0);
    }
    let (truth, peer) = (world.nodes[0].store.clone(), world.nodes[0].name.clone());
    let from = world.nodes[1]
        .store
        .hello(&peer)
        .into_iter()
        .find(|hello| hello.name == fields());
    let from = from.and_then(|hello| hello.position).expect("it has pulled");
    let scan = truth
        .scan(&fields(), Sequence(0), &Default::default(), usize::MAX)
        .expect("it reads");
    let progress = Some(Progress {
        greeted: world.nodes[1].store.identity().replica,
        from,
        to: scan.to,
        watermark: scan.watermark,
    });
    let lie = Apply {
        peer,
        database: fields(),
        items: Vec::new(),
        progress,
    };
    world.commit(1, Operation::Apply(lie)).expect("it is believed");
    world
}

#[test]
fn a_difference_under_equal_knowledge_is_found_after_the_reconnect_mended_and_reported() {
    // In these nothing is deleted at the end: a comparison sees live documents alone.
    for seed in [0, 4] {
        let mut world = liar(seed);
        world.restored = true; // a fault that no promise covers: digests may differ
        for link in &mut world.links {
            link.up = true;
        }
        let until = world.now_ms + 30_000;
        while !world.is_settled() || world.reports.len() < 2 {
            assert!(world.now_ms < until, "seed {seed} is not mended");
            world.calm(25);
        }
        let report = world
            .reports
            .iter()
            .find(|report| report.repaired > 0)
            .expect("a report of the repair");
        assert_eq!(report.digests_equal, Some(false), "seed {seed}: {report:?}");
    }
}
