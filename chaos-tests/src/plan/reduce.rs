//! Fewer faults that still break the promise: what is left is what the failure is about.
//!
//! Delta debugging (Zeller and Hildebrandt, 2002): parts of the list are left out, large ones first, as long as the rest still fails.

use super::{Fault, Plan};

/// What is left of a failing plan.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// It still fails.
    pub plan: Plan,
    /// How many plans were tried.
    pub tries: usize,
    /// Whether leaving out any one of its faults was tried and made it pass.
    pub minimal: bool,
}

/// Leaves out faults of a failing plan as long as it fails, with `tries_max` runs at most.
pub fn reduce(plan: &Plan, tries_max: usize, mut fails: impl FnMut(&Plan) -> bool) -> Reduced {
    let mut left = plan.faults.clone();
    let (mut tries, mut part) = (0, left.len());
    while part > 0 {
        let (mut from, before) = (0, left.len());
        while from < left.len() {
            if tries == tries_max {
                return of(plan, left, tries, false);
            }
            let without: Vec<Fault> = [&left[..from], &left[(from + part).min(left.len())..]].concat();
            tries += 1;
            if fails(&with(plan, without.clone())) {
                left = without;
            } else {
                from += part;
            }
        }
        // Single faults are tried again as long as one of them could be left out: it may have been what made another one necessary.
        part = match part {
            1 => usize::from(left.len() < before),
            _ => part.div_ceil(2),
        };
    }
    of(plan, left, tries, true)
}

fn with(plan: &Plan, faults: Vec<Fault>) -> Plan {
    Plan { faults, ..plan.clone() }
}

fn of(plan: &Plan, faults: Vec<Fault>, tries: usize, minimal: bool) -> Reduced {
    Reduced {
        plan: with(plan, faults),
        tries,
        minimal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FaultKind, Scale};
    use crate::workload::Workload;

    fn plan() -> Plan {
        let scale = Scale {
            kinds: FaultKind::ALL,
            lasting_ms: 60_000,
            paces: &[],
            faults_min: 20,
            workload: Workload::default(),
        };
        Plan::generate(3, &scale)
    }

    #[test]
    fn the_faults_that_matter_are_left() {
        let plan = plan();
        let needed = [plan.faults[2], plan.faults[11]];
        let reduced = reduce(&plan, 1000, |plan| {
            needed.iter().all(|fault| plan.faults.contains(fault))
        });
        assert_eq!(reduced.plan.faults, needed);
        assert!(reduced.minimal);
    }

    #[test]
    fn a_plan_that_fails_without_faults_ends_with_none() {
        assert!(reduce(&plan(), 1000, |_| true).plan.faults.is_empty());
    }

    #[test]
    fn what_is_left_when_the_tries_are_used_up_still_fails() {
        let plan = plan();
        let needed = plan.faults[4];
        let reduced = reduce(&plan, 3, |plan| plan.faults.contains(&needed));
        assert!(reduced.plan.faults.contains(&needed) && !reduced.minimal);
    }
}
