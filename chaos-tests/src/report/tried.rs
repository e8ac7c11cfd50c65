//! Runs a stage with rules of a user, and counts what became of what was written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::Numbers;
use crate::history::Rules;
use crate::plan::{Plan, Scale};
use crate::simulation::{Ran, Seeds, Stage, Summary, simulate_reducing};

/// Only so many failing seeds are looked into.
const REDUCED_MAX: u64 = 3;

/// What there is to say of a stage.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The rules.
    pub rules: Rules,
    /// What was run and what the checkers found.
    pub summary: Summary,
    /// What became of the writes.
    pub numbers: Numbers,
    /// How many datacenters the runs had: the fewest and the most.
    pub datacenters: (usize, usize),
}

impl Tried {
    /// Whether no promise was broken. That a kind of fault found no occasion breaks none.
    pub fn is_kept(&self) -> bool {
        self.summary.failures.is_empty() && self.summary.report.is_clean() && self.numbers.unaccounted == 0
    }
}

/// A stage with other rules that counts the first run of each seed: all later ones look for fewer faults.
struct Counting<'a> {
    stage: &'a dyn Stage,
    rules: &'a Rules,
    counted: Mutex<BTreeMap<u64, (usize, Numbers)>>,
}

impl Stage for Counting<'_> {
    fn name(&self) -> &'static str {
        self.stage.name()
    }

    fn scale(&self) -> Scale {
        let mut scale = self.stage.scale();
        scale.workload.rules = self.rules.clone();
        scale.workload.rules_change = false;
        scale
    }

    fn unfed(&self) -> &'static [&'static str] {
        self.stage.unfed()
    }

    fn reductions_max(&self) -> usize {
        self.stage.reductions_max()
    }

    fn run(&self, plan: &Plan) -> Ran {
        let ran = self.stage.run(plan);
        let counted = || self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = || (plan.datacenters, Numbers::of(&ran.history));
        counted().entry(plan.seed).or_insert_with(numbers);
        ran
    }
}

/// Runs the seeds with these rules. Histories of seeds that fail are written to `directory`.
pub fn try_rules(stage: &dyn Stage, rules: &Rules, seeds: Seeds, directory: &Path) -> Tried {
    let counting = Counting {
        stage,
        rules,
        counted: Mutex::default(),
    };
    let summary = simulate_reducing(&counting, seeds, directory, REDUCED_MAX);
    let counted = counting.counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut numbers = Numbers::default();
    counted.values().for_each(|(_, more)| numbers.add(more));
    let datacenters = || counted.values().map(|(datacenters, _)| *datacenters);
    Tried {
        rules: rules.clone(),
        summary,
        numbers,
        datacenters: (datacenters().min().unwrap_or(0), datacenters().max().unwrap_or(0)),
    }
}
