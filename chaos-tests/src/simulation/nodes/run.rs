//! One run: the nodes come up, clients work while things go wrong, then peace, then the truth.

use std::collections::BTreeMap;
use std::time::Duration;

use super::injector::Injector;
use super::journal::Stand;
use super::panics;
use super::setup::Setup;
use super::world::World;
use crate::history::{Event, History, Quiet};
use crate::plan::{FaultKind, Plan};

/// Time that the nodes have to come up, in simulated milliseconds.
const BEGIN_MS_MAX: u64 = 60_000;

/// Time that the clients have to end what they are doing.
const STOP_MS_MAX: u64 = 90_000;

/// Time that the nodes have to become equal once the faults are lifted: a connection that lost a segment is given up after 10 s without a word,
/// dialled again after 5 s at most, dialling takes 5 s at most, and 5 s are for what there is to send.
const CONVERGE_MS_MAX: u64 = 25_000;

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct NodesRun {
    /// Everything that was recorded.
    pub history: History,
    /// Simulated time.
    pub simulated: Duration,
    /// Calls of clients that were answered or given up.
    pub operations: u64,
    /// How often each fault was done.
    pub fired: BTreeMap<FaultKind, usize>,
    /// Milliseconds from the last fault to equal nodes; `None`: they did not become equal.
    pub converged_ms: Option<u64>,
    /// What went wrong that no history shows: panics, nodes that do not start.
    pub failures: Vec<String>,
}

/// Runs a plan.
///
/// # Errors
/// The simulation itself cannot go on: no room for disks.
pub fn run(plan: &Plan, setup: &Setup) -> anyhow::Result<NodesRun> {
    panics::watch();
    let mut world = World::new(plan, setup)?;
    let converged = go_through(&mut world, plan);
    let journal = world.journal.clone();
    let simulated = world.sim.elapsed();
    let converged_ms = match converged {
        Ok(converged_ms) => converged_ms,
        Err(error) => {
            journal.fail(format!("{error:#}"));
            None
        }
    };
    drop(world);
    panics::stop_watching();
    Ok(NodesRun {
        history: journal.history(),
        simulated,
        operations: journal.operations(),
        fired: journal.fired(),
        converged_ms,
        failures: journal.failures(),
    })
}

fn go_through(world: &mut World, plan: &Plan) -> anyhow::Result<Option<u64>> {
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
    let mut converged = None;
    while world.now_ms() < quiet_ms + CONVERGE_MS_MAX + 5_000 && converged.is_none() {
        world.step()?;
        converged = world.are_equal().then(|| world.now_ms() - quiet_ms);
    }
    world.journal.set_stand(Stand::Reading);
    let mut ended = false;
    let latest = world.now_ms() + STOP_MS_MAX;
    while !ended {
        anyhow::ensure!(world.now_ms() < latest, "the nodes do not show what they have");
        ended = world.step()?;
    }
    Ok(converged)
}

fn until(world: &mut World, ms_max: u64, otherwise: &str, done: impl Fn(&World) -> bool) -> anyhow::Result<()> {
    let latest = world.now_ms() + ms_max;
    while !done(world) {
        anyhow::ensure!(world.now_ms() < latest, "{otherwise}");
        world.step()?;
    }
    Ok(())
}
