//! A run and what the checkers say of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checker::{self, Report};
use crate::plan::{FaultKind, Plan};

use super::{Ran, Stage};

/// The name under which troubles of a run stand among the checkers.
const TROUBLE: &str = "run";

/// A run that was checked.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The run.
    pub ran: Ran,
    /// What every checker said.
    pub report: Report,
}

/// Carries out a plan and runs all checkers. A run that panics has a trouble and no history; so has one in which too little was done, by clients or by
/// what goes wrong: it proves nothing.
pub fn judge(stage: &dyn Stage, plan: &Plan) -> Judged {
    let mut ran = catch_unwind(AssertUnwindSafe(|| stage.run(plan))).unwrap_or_else(|panic| Ran {
        troubles: vec![format!("panicked: {}", message(panic.as_ref()))],
        ..Ran::default()
    });
    if ran.troubles.is_empty() && ran.operations < u64::from(plan.workload.operations_min) {
        let least = plan.workload.operations_min;
        ran.troubles
            .push(format!("{} operations, at least {least} are asked for", ran.operations));
    }
    let (planned, done) = (plan.faults.len() as u64, done(plan, &ran));
    if ran.troubles.is_empty() && done < planned / 2 {
        ran.troubles.push(format!(
            "{done} of {planned} planned faults were done, at least half are asked for"
        ));
    }
    let report = checker::run(&ran.history);
    Judged { ran, report }
}

/// How many of the planned faults were done. One that strikes with every message is one.
fn done(plan: &Plan, ran: &Ran) -> u64 {
    let mut planned: BTreeMap<FaultKind, u64> = BTreeMap::new();
    for fault in &plan.faults {
        *planned.entry(fault.kind).or_default() += 1;
    }
    let struck = |(kind, count): (FaultKind, u64)| count.min(ran.fired.get(&kind).copied().unwrap_or_default());
    planned.into_iter().map(struck).sum()
}

impl Judged {
    /// Whether nothing was violated.
    pub fn is_clean(&self) -> bool {
        self.ran.troubles.is_empty() && self.report.is_clean()
    }

    /// Who found something: names of checkers, each once, or `run`.
    pub fn finders(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .report
            .violations()
            .map(|violation| violation.checker.as_str())
            .collect();
        names.extend(self.ran.troubles.first().map(|_| TROUBLE));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What is wrong, one line each.
    pub fn findings(&self) -> Vec<String> {
        let troubles = self.ran.troubles.iter().map(|trouble| format!("{TROUBLE}: {trouble}"));
        troubles
            .chain(self.report.violations().map(ToString::to_string))
            .collect()
    }
}

/// The text of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message").to_owned()
}
