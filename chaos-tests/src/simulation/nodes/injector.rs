//! Does what the plan says goes wrong, when it says so, and lifts it again.

use std::collections::VecDeque;

use super::effects::{self, directions};
use super::occasions::Occasions;
use super::operator::Order;
use super::restores::Restores;
use super::world::World;
use crate::history::Phase;
use crate::plan::{Fault, FaultKind, Plan, Target};

/// The faults of one run.
pub(super) struct Injector {
    began_ms: u64,
    waiting: VecDeque<Fault>,
    active: Vec<Active>,
    occasions: Occasions,
    restores: Restores,
    /// A ring has lost an edge for ever: a second one would take it apart.
    is_ring_cut: bool,
}

/// A fault that lasts.
struct Active {
    fault: Fault,
    until_ms: u64,
    /// When it changes next, for one that comes and goes.
    next_ms: u64,
    on: bool,
    /// How often such a fault had had an effect when this one began; `None`: it counts.
    before: Option<u64>,
}

impl Injector {
    /// For the faults of a plan; its times count from `began_ms`.
    pub(super) fn new(plan: &Plan, began_ms: u64) -> Self {
        Self {
            began_ms,
            waiting: plan.faults.iter().copied().collect(),
            active: Vec::new(),
            occasions: Occasions::default(),
            restores: Restores::default(),
            is_ring_cut: false,
        }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// A disk cannot be copied.
    pub(super) fn act(&mut self, world: &mut World) -> anyhow::Result<()> {
        let now = world.now_ms();
        self.lift(world, |active| active.until_ms <= now);
        while self
            .waiting
            .front()
            .is_some_and(|fault| self.began_ms + fault.at_ms <= now)
        {
            if let Some(fault) = self.waiting.pop_front() {
                self.begin(world, fault)?;
            }
        }
        for active in &mut self.active {
            if active.next_ms <= now {
                active.next_ms = now.saturating_add(effects::change(world, &active.fault, &mut active.on));
            }
            active.count(world);
        }
        self.occasions.act(world);
        self.restores.act(world)
    }

    /// Lifts everything, for good. A ring that was cut for ever stays cut.
    pub(super) fn end(&mut self, world: &mut World) {
        self.lift(world, |_| true);
        self.occasions.end(world);
        self.restores.end(world);
        world.start_all();
    }

    fn begin(&mut self, world: &mut World, fault: Fault) -> anyhow::Result<()> {
        let now = world.now_ms();
        match fault.kind {
            FaultKind::Reset | FaultKind::Truncated => effects::break_connections(world, &fault),
            FaultKind::RingCutForEver if self.is_ring_cut => {}
            FaultKind::RingCutForEver => {
                self.is_ring_cut = true;
                effects::turn(world, &fault, true);
                world.journal.fault(fault.kind, fault.target, Phase::Begun);
            }
            FaultKind::PowerCut => {
                if let Some(node) = running(world, &fault) {
                    world.cut_power(node, 200 + fault.draw % 3_000)?;
                    world.journal.fault(fault.kind, fault.target, Phase::Struck);
                }
            }
            FaultKind::RulesDiffer => {
                if let Target::Node(node) = fault.target {
                    world.orders.give(Order::ChangeRules(node, fault.draw));
                }
            }
            kind if Restores::exchange_for(kind) => self.restores.begin(world, fault)?,
            kind if Occasions::wait_for(kind) => self.occasions.begin(fault),
            _ => {
                let lasts_ms = match fault.kind {
                    // Long enough for both ends to forget what the other one says.
                    FaultKind::HalfOpen => 50,
                    FaultKind::RestartedBehind => 5_000,
                    _ => fault.for_ms.max(100),
                };
                let before = effects::had(world, &fault);
                effects::turn(world, &fault, true);
                if before.is_none() {
                    world.journal.fault(fault.kind, fault.target, Phase::Begun);
                }
                self.active.push(Active {
                    fault,
                    until_ms: now.saturating_add(lasts_ms),
                    next_ms: now.saturating_add(effects::first_change_ms(&fault)),
                    on: true,
                    before,
                });
            }
        }
        Ok(())
    }

    fn lift(&mut self, world: &mut World, is_over: impl Fn(&Active) -> bool) {
        let (over, active) = std::mem::take(&mut self.active).into_iter().partition(is_over);
        self.active = active;
        for mut active in over {
            active.count(world);
            if active.on {
                effects::turn(world, &active.fault, false);
            }
            if active.before.is_none() {
                let fault = active.fault;
                world.journal.fault(fault.kind, fault.target, Phase::Ended);
            }
        }
    }
}

impl Active {
    /// Counts a fault whose effect can be seen once it was.
    fn count(&mut self, world: &World) {
        if self
            .before
            .is_some_and(|before| effects::had(world, &self.fault) > Some(before))
        {
            self.before = None;
            world.journal.fault(self.fault.kind, self.fault.target, Phase::Begun);
        }
    }
}

/// The node of a fault, if its process runs.
pub(super) fn running(world: &World, fault: &Fault) -> Option<usize> {
    let Target::Node(node) = fault.target else { return None };
    (world.is_up(node) && world.store(node).is_some()).then_some(node)
}

/// The two ends of a fault of an edge.
pub(super) fn ends(fault: &Fault) -> Option<(usize, usize)> {
    match fault.target {
        Target::Edge { from, to } => Some((from, to)),
        Target::Node(_) => None,
    }
}

/// Blocks what a fault blocks, or one fault less does.
pub(super) fn block(world: &mut World, fault: &Fault, on: bool) {
    for direction in directions(world.names.len(), fault) {
        world.links.block(&world.sim, &world.names, direction, on);
    }
}
