//! One run: the nodes come up, clients work while things go wrong, then peace, then the truth.

use super::injector::Injector;
use super::journal::Stand;
use super::panics;
use super::stage::DiskKind;
use super::world::World;
use crate::history::{Event, Quiet};
use crate::plan::Plan;
use crate::simulation::Ran;

/// Time that the nodes have to come up, in simulated milliseconds.
const BEGIN_MS_MAX: u64 = 60_000;

/// Time that the clients have to end what they are doing.
const STOP_MS_MAX: u64 = 90_000;

/// Time that the nodes have to become equal once the faults are lifted: a connection that lost a segment is given up after 10 s without a word,
/// dialled again after 5 s at most, dialling takes 5 s at most, and 5 s are for what there is to send.
const CONVERGE_MS_MAX: u64 = 25_000;

/// Runs a plan.
pub(super) fn run(plan: &Plan, disk: DiskKind) -> Ran {
    panics::watch();
    let ran = World::new(plan, disk).map(|mut world| {
        let journal = world.journal.clone();
        if let Err(error) = go_through(&mut world, plan) {
            journal.fail(format!("{error:#}"));
        }
        journal.ran(world.now_ms())
    });
    panics::stop_watching();
    ran.unwrap_or_else(|error| Ran {
        troubles: vec![format!("{error:#}")],
        ..Ran::default()
    })
}

fn go_through(world: &mut World, plan: &Plan) -> anyhow::Result<()> {
    until(world, BEGIN_MS_MAX, "the nodes do not come up", |world| {
        world.journal.stand() == Stand::Working
    })?;
    let began_ms = world.now_ms();
    let mut injector = Injector::new(plan, began_ms);
    while world.now_ms() < began_ms.saturating_add(plan.lasting_ms) {
        injector.act(world)?;
        world.step()?;
    }
    injector.end(world);
    world.journal.set_stand(Stand::Stopping);
    until(world, STOP_MS_MAX, "the clients do not stop", |world| {
        world.journal.clients_at_work() == 0 && world.orders.is_empty()
    })?;
    let quiet_ms = world.now_ms();
    world.journal.push(Event::Quiet(Quiet {
        at: world.journal.tick(),
        ms: quiet_ms,
        bound_ms: CONVERGE_MS_MAX,
    }));
    world.observe_anew();
    world.step()?;
    let is_over = |world: &World| world.are_equal() && world.is_fleeting_settled();
    while world.now_ms() < quiet_ms + CONVERGE_MS_MAX + 5_000 && !is_over(world) {
        world.step()?;
    }
    world.judge_fleeting();
    world.journal.set_stand(Stand::Reading);
    let mut ended = false;
    let latest = world.now_ms() + STOP_MS_MAX;
    while !ended {
        anyhow::ensure!(world.now_ms() < latest, "the nodes do not show what they have");
        ended = world.step()?;
    }
    Ok(())
}

fn until(world: &mut World, ms_max: u64, otherwise: &str, done: impl Fn(&World) -> bool) -> anyhow::Result<()> {
    let latest = world.now_ms() + ms_max;
    while !done(world) {
        anyhow::ensure!(world.now_ms() < latest, "{otherwise}");
        world.step()?;
    }
    Ok(())
}
