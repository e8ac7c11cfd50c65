//! What can carry out a plan.

use crate::plan::{Plan, Scale};

use super::Ran;

/// A kind of simulation.
pub trait Stage: Sync {
    /// As it is printed.
    fn name(&self) -> &'static str;

    /// Which faults it injects, and how much of everything one run has.
    fn scale(&self) -> Scale;

    /// Checkers that find nothing to check in its histories: any other one that checks nothing in all runs fails them, as it proves nothing.
    fn unfed(&self) -> &'static [&'static str] {
        &[]
    }

    /// How often a failing plan is run again, in order to find out which of its faults it needs.
    fn reductions_max(&self) -> usize;

    /// Carries out a plan: the same plan always to the same end. All of it happens on the calling thread, which may run other plans before and
    /// after, so nothing of one run may be left to the next.
    fn run(&self, plan: &Plan) -> Ran;
}
