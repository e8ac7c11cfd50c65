//! Faults that wait for an occasion: a write, a merge, a catch-up under way.

use super::disk::Moment;
use super::injector::{block, ends, running};
use super::operator::Order;
use super::world::World;
use crate::history::Phase;
use crate::plan::{Fault, FaultKind, Target};

/// How long an edge that was cut in a catch-up stays cut.
const CUT_MS: u64 = 700;

/// Faults that wait.
#[derive(Default)]
pub(super) struct Occasions {
    waiting: Vec<Waiting>,
    cuts: Vec<Cut>,
}

struct Waiting {
    fault: Fault,
    armed: bool,
    /// Occasions that it takes still.
    times: u32,
}

struct Cut {
    fault: Fault,
    until_ms: u64,
}

impl Occasions {
    /// Whether a fault of this kind waits for an occasion.
    pub(super) fn wait_for(kind: FaultKind) -> bool {
        moment(kind).is_some()
            || matches!(
                kind,
                FaultKind::KilledInBatch | FaultKind::CutInMerge | FaultKind::CutInCatchUp
            )
    }

    pub(super) fn begin(&mut self, fault: Fault) {
        self.waiting.push(Waiting {
            fault,
            armed: false,
            times: if fault.kind == FaultKind::CutInCatchUp { 2 } else { 1 },
        });
    }

    /// Takes the occasions that have come.
    pub(super) fn act(&mut self, world: &mut World) {
        let now = world.now_ms();
        let (over, cuts) = std::mem::take(&mut self.cuts)
            .into_iter()
            .partition(|cut| cut.until_ms <= now);
        self.cuts = cuts;
        over.iter().for_each(|cut: &Cut| lift(world, cut));
        for mut waiting in std::mem::take(&mut self.waiting) {
            if self.takes(world, &mut waiting) {
                waiting.times -= 1;
            }
            if waiting.times > 0 {
                self.waiting.push(waiting);
            }
        }
    }

    /// Nothing waits any more.
    pub(super) fn end(&mut self, world: &mut World) {
        self.waiting.clear();
        std::mem::take(&mut self.cuts).iter().for_each(|cut| lift(world, cut));
        for machine in &world.machines {
            if !machine.hooks.is_dead() {
                machine.hooks.revive();
            }
        }
        (0..world.machines.len()).for_each(|node| bury(world, node));
    }

    fn takes(&mut self, world: &mut World, waiting: &mut Waiting) -> bool {
        let fault = waiting.fault;
        match (moment(fault.kind), fault.target) {
            (Some(moment), Target::Node(node)) => kill_at(world, &fault, node, moment, &mut waiting.armed),
            (_, Target::Node(node)) => {
                let comes = running(world, &fault).is_some() && is_catching_up(world, node);
                if comes {
                    world.end_process(node, "sigkill", 100 + fault.draw % 2_000);
                    world.journal.fault(fault.kind, fault.target, Phase::Struck);
                }
                comes
            }
            (_, Target::Edge { to, .. }) => self.cut(world, &fault, to, &mut waiting.armed),
        }
    }

    fn cut(&mut self, world: &mut World, fault: &Fault, to: usize, armed: &mut bool) -> bool {
        let in_force = self.cuts.iter().any(|cut| cut.fault == *fault);
        let comes = match fault.kind {
            // The knowledge of the puller has moved in the instant that has passed: a batch was just applied.
            FaultKind::CutInMerge => world.has_just_merged(to),
            _ => is_catching_up(world, to),
        };
        if in_force || !comes || ends(fault).is_none() {
            return false;
        }
        block(world, fault, true);
        world.journal.fault(fault.kind, fault.target, Phase::Begun);
        *armed = true;
        let until_ms = world.now_ms() + CUT_MS;
        self.cuts.push(Cut {
            fault: *fault,
            until_ms,
        });
        true
    }
}

fn lift(world: &mut World, cut: &Cut) {
    block(world, &cut.fault, false);
    world.journal.fault(cut.fault.kind, cut.fault.target, Phase::Ended);
}

/// When a node dies of a fault.
fn moment(kind: FaultKind) -> Option<Moment> {
    Some(match kind {
        FaultKind::KilledBeforeWrite => Moment::BeforeWrite,
        FaultKind::KilledBeforeSync => Moment::BeforeSync,
        FaultKind::KilledBeforeAcknowledgement => Moment::BeforeAcknowledgement,
        FaultKind::KilledAtCheckpoint => Moment::AfterCheckpoint,
        FaultKind::KilledInMerge => Moment::InMerge,
        FaultKind::KilledInCompaction => Moment::InCompaction,
        _ => return None,
    })
}

/// Arms a machine for a fault, and ends the process once the moment has come.
fn kill_at(world: &mut World, fault: &Fault, node: usize, moment: Moment, armed: &mut bool) -> bool {
    let hooks = world.machines[node].hooks.clone();
    if *armed && hooks.is_dead() {
        world.end_process(node, "sigkill", 100 + fault.draw % 3_000);
        world.journal.fault(fault.kind, fault.target, Phase::Struck);
        return true;
    }
    // A process that ended for another reason meanwhile has forgotten it.
    *armed = *armed && hooks.is_armed();
    if !*armed && !hooks.is_armed() && running(world, fault).is_some() {
        let moment = match moment {
            Moment::AfterCheckpoint if fault.draw & 1 == 0 => Moment::BeforeCheckpoint,
            moment => moment,
        };
        hooks.arm(moment);
        *armed = true;
        if moment == Moment::InCompaction {
            world.orders.give(Order::Compact(node));
        }
    }
    false
}

/// Ends a process whose moment came when nobody waited for it any more.
fn bury(world: &mut World, node: usize) {
    if world.machines[node].hooks.is_dead() && world.is_up(node) {
        world.end_process(node, "sigkill", 100);
    }
}

fn is_catching_up(world: &World, node: usize) -> bool {
    let status = world.store(node).map(|store| store.status()).unwrap_or_default();
    status.iter().any(|status| !status.catching_up_from.is_empty())
}
