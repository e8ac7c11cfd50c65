//! The pure core as a stage.

use super::run::run;
use crate::plan::{FaultKind, Plan, Scale};
use crate::simulation::{Ran, Stage};
use crate::workload::Workload;

/// The pure core.
#[derive(Clone, Copy, Debug)]
pub struct Core;

/// What the core cannot do: it has no tasks, no files and no versions.
const NOT_HERE: [FaultKind; 4] = [
    FaultKind::Panic,
    FaultKind::BitFlip,
    FaultKind::MissingFile,
    FaultKind::RollingUpgrade,
];

const KINDS_COUNT: usize = FaultKind::ALL.len() - NOT_HERE.len();

/// All other kinds.
const KINDS: [FaultKind; KINDS_COUNT] = {
    let mut kinds = [FaultKind::Partition; KINDS_COUNT];
    let (mut from, mut to) = (0, 0);
    while from < FaultKind::ALL.len() {
        let kind = FaultKind::ALL[from];
        let mut is_here = true;
        let mut other = 0;
        while other < NOT_HERE.len() {
            is_here &= kind as u8 != NOT_HERE[other] as u8;
            other += 1;
        }
        if is_here {
            kinds[to] = kind;
            to += 1;
        }
        from += 1;
    }
    kinds
};

impl Stage for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn scale(&self) -> Scale {
        Scale {
            kinds: &KINDS,
            lasting_ms: 120_000,
            paces: &[1, 60],
            faults_min: 12,
            workload: Workload {
                clients: 2,
                pause_ms_max: 2_000,
                ..Workload::default()
            },
        }
    }

    fn reductions_max(&self) -> usize {
        200
    }

    fn run(&self, plan: &Plan) -> Ran {
        run(plan)
    }
}
