//! From a seed to a plan.

use super::{Dice, Fault, FaultKind, Plan, Target, Topology};
use crate::workload::Workload;

/// What a stage can do, and how much of it one run does.
#[derive(Clone, Debug)]
pub struct Scale {
    /// The kinds of fault that the stage injects.
    pub kinds: &'static [FaultKind],
    /// How long a run lasts, in simulated milliseconds, at the pace 1.
    pub lasting_ms: u64,
    /// The paces at which runs go, each as often as it stands here: see [`Plan::pace`]. None: all at 1.
    pub paces: &'static [u64],
    /// Faults of a run: so many at least, and less than twice as many.
    pub faults_min: usize,
    /// What clients do.
    pub workload: Workload,
}

impl Plan {
    /// The plan of a seed, for a stage of this scale.
    ///
    /// A few of its kinds of fault go by turns, so that consecutive seeds come to all of them soon; the others are drawn.
    pub fn generate(seed: u64, scale: &Scale) -> Self {
        let mut dice = Dice::of(seed, "plan");
        let topology = *dice.choose(&Topology::ALL);
        let datacenters = match topology {
            Topology::Pair => 2,
            _ => 3 + dice.index(3),
        };
        let pace = match scale.paces {
            [] => 1,
            paces => *Dice::of(seed, "pace").choose(paces),
        };
        let pause_ms_max = u64::from(scale.workload.pause_ms_max).saturating_mul(pace);
        let mut plan = Self {
            seed,
            topology,
            datacenters,
            workload: Workload {
                pause_ms_max: u32::try_from(pause_ms_max).unwrap_or(u32::MAX),
                ..scale.workload.clone()
            },
            lasting_ms: scale.lasting_ms.saturating_mul(pace),
            pace,
            faults: Vec::new(),
        };
        let count = scale.faults_min + dice.index(scale.faults_min.max(1));
        plan.faults = (0..count)
            .filter_map(|number| plan.draw(&mut dice, scale, number))
            .collect();
        plan.faults.sort_by_key(|fault| fault.at_ms);
        plan
    }

    fn draw(&self, dice: &mut Dice, scale: &Scale, number: usize) -> Option<Fault> {
        let kinds: Vec<FaultKind> = scale.kinds.iter().copied().filter(|kind| self.admits(*kind)).collect();
        if kinds.is_empty() {
            return None;
        }
        let by_turns = scale.faults_min.div_ceil(3);
        // Few networks admit these, so they come less than all others if nothing is done about it.
        let rare: Vec<FaultKind> = kinds.iter().copied().filter(|kind| kind.needs_a_shape()).collect();
        let is_turn = number == by_turns && self.seed.is_multiple_of(2) && !rare.is_empty();
        let kind = if is_turn {
            rare[usize::try_from(self.seed / 2 % rare.len() as u64).unwrap_or(0)]
        } else if number < by_turns {
            let turn = self.seed.wrapping_mul(by_turns as u64).wrapping_add(number as u64);
            kinds[usize::try_from(turn % kinds.len() as u64).unwrap_or(0)]
        } else {
            *dice.choose(&kinds)
        };
        let target = if kind.is_of_an_edge() {
            let (a, b) = *dice.choose(&self.edges());
            let (from, to) = if dice.percent(50) { (a, b) } else { (b, a) };
            Target::Edge { from, to }
        } else {
            Target::Node(dice.index(self.datacenters))
        };
        let most = self.lasting_ms;
        let at_ms = dice.between(most / 20, most * 17 / 20);
        let for_ms = match kind {
            _ if !kind.lasts() => 0,
            FaultKind::LongPartition | FaultKind::LongAway => dice.between(most / 4, most / 2),
            _ => dice.between(most / 100, most / 8),
        };
        let draw = dice.number();
        Some(Fault {
            kind,
            target,
            at_ms,
            for_ms,
            draw,
        })
    }

    /// Some faults need a network of some shape.
    fn admits(&self, kind: FaultKind) -> bool {
        let has_ways_round = self.edges().len() >= self.datacenters && self.datacenters > 2;
        match kind {
            FaultKind::RingCutForEver => self.topology == Topology::Ring,
            FaultKind::PartialPartition => has_ways_round,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn scale() -> Scale {
        Scale {
            kinds: FaultKind::ALL,
            lasting_ms: 120_000,
            paces: &[1, 60],
            faults_min: 9,
            workload: Workload::default(),
        }
    }

    #[test]
    fn one_seed_gives_one_plan() {
        assert_eq!(Plan::generate(7, &scale()), Plan::generate(7, &scale()));
        assert_ne!(Plan::generate(7, &scale()).faults, Plan::generate(8, &scale()).faults);
    }

    #[test]
    fn a_slow_run_has_as_many_faults_and_operations_over_a_longer_time() {
        let (quick, slow) = (
            Plan::generate(7, &Scale { paces: &[], ..scale() }),
            Plan::generate(
                7,
                &Scale {
                    paces: &[60],
                    ..scale()
                },
            ),
        );
        assert_eq!((quick.pace, slow.pace), (1, 60));
        assert_eq!(slow.lasting_ms, 60 * quick.lasting_ms);
        assert_eq!(slow.workload.pause_ms_max, 60 * quick.workload.pause_ms_max);
        let kinds = |plan: &Plan| -> BTreeSet<FaultKind> { plan.faults.iter().map(|fault| fault.kind).collect() };
        assert_eq!(kinds(&quick), kinds(&slow));
        let paces: BTreeSet<u64> = (0..20).map(|seed| Plan::generate(seed, &scale()).pace).collect();
        assert_eq!(paces, BTreeSet::from([1, 60]));
    }

    #[test]
    fn twenty_seeds_come_to_almost_all_kinds_and_a_hundred_to_all_and_to_all_topologies() {
        let of = |seeds: u64| -> Vec<Plan> { (1..=seeds).map(|seed| Plan::generate(seed, &scale())).collect() };
        let kinds = |plans: &[Plan]| -> BTreeSet<FaultKind> {
            plans
                .iter()
                .flat_map(|plan| plan.faults.iter().map(|fault| fault.kind))
                .collect()
        };
        assert!(kinds(&of(20)).len() + 3 >= FaultKind::ALL.len());
        assert_eq!(kinds(&of(100)).len(), FaultKind::ALL.len());
        let topologies: BTreeSet<Topology> = of(100).iter().map(|plan| plan.topology).collect();
        assert_eq!(topologies.len(), Topology::ALL.len());
    }

    #[test]
    fn every_plan_has_its_least_faults_within_its_time_and_its_network() {
        for seed in 0..300 {
            let plan = Plan::generate(seed, &scale());
            assert!(plan.faults.len() >= 9, "{plan}");
            for fault in &plan.faults {
                assert!(fault.until_ms() < plan.lasting_ms * 2, "{plan}");
                match fault.target {
                    Target::Node(node) => assert!(node < plan.datacenters, "{plan}"),
                    Target::Edge { from, to } => {
                        assert!(plan.edges().contains(&(from.min(to), from.max(to))), "{plan}");
                    }
                }
            }
        }
    }
}
