//! Runs seeds on all cores, each on one thread from its beginning to its end, and looks into those that fail.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::plan::{Plan, reduce};

use super::{Judged, SeedFailure, Stage, Summary, judge};

/// Only so many failing seeds are looked into: a broken build breaks them all.
const REDUCED_MAX: u64 = 3;

/// Each kind of fault must have fired once so many faults of every kind were planned on average.
const PLANNED_OF_EACH: u64 = 4;

/// Which seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// How many from there on.
    pub count: u64,
}

/// Runs a stage on seeds, and looks into the first few that fail. Histories of seeds that fail are written to `directory`.
pub fn simulate(stage: &dyn Stage, seeds: Seeds, directory: &Path) -> Summary {
    simulate_reducing(stage, seeds, directory, REDUCED_MAX)
}

/// As [`simulate`], and looks into so many seeds that fail.
pub fn simulate_reducing(stage: &dyn Stage, seeds: Seeds, directory: &Path, reduced_max: u64) -> Summary {
    let begun = Instant::now();
    let scale = stage.scale();
    let planned = seeds.count.saturating_mul(scale.faults_min as u64);
    let covers_all = planned >= PLANNED_OF_EACH * scale.kinds.len() as u64;
    let summary = Mutex::new(Summary::new(stage, covers_all));
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= seeds.count {
                return;
            }
            let plan = Plan::generate(seeds.first.wrapping_add(number), &scale);
            let judged = judge(stage, &plan);
            let failure = (!judged.is_clean()).then(|| {
                let is_looked_into = failed.fetch_add(1, Ordering::Relaxed) < reduced_max;
                look_into(stage, plan, &judged, is_looked_into, directory)
            });
            let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.failures.extend(failure);
            summary.add(judged);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.failures.sort_by_key(|failure| failure.plan.seed);
    summary.took = begun.elapsed();
    summary
}

/// What there is to say of a seed that failed.
fn look_into(stage: &dyn Stage, plan: Plan, judged: &Judged, reduces: bool, directory: &Path) -> SeedFailure {
    let finders = judged.finders();
    let fails = |plan: &Plan| {
        judge(stage, plan)
            .finders()
            .iter()
            .any(|finder| finders.contains(finder))
    };
    let reduced = reduces.then(|| reduce(&plan, stage.reductions_max(), fails));
    let again = reduced.as_ref().map(|reduced| judge(stage, &reduced.plan));
    let shown = again.as_ref().unwrap_or(judged);
    let path = directory.join(format!("{}-seed-{}.jsonl", stage.name().replace(' ', "-"), plan.seed));
    let saved = std::fs::create_dir_all(directory)
        .map_err(anyhow::Error::from)
        .and_then(|()| shown.ran.history.save(&path))
        .and_then(|()| Ok(std::fs::write(path.with_extension("log"), &shown.ran.log)?));
    SeedFailure {
        stage: stage.name(),
        findings: judged.findings(),
        plan,
        reduced,
        history: saved.map(|()| path).map_err(|error| format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FaultKind, Scale};
    use crate::simulation::Ran;
    use crate::workload::Workload;

    /// A stage that fails where a crash loop and a slow sync come together, and never does one of its faults.
    struct Planted;

    impl Stage for Planted {
        fn name(&self) -> &'static str {
            "planted"
        }

        fn scale(&self) -> Scale {
            Scale {
                kinds: &[
                    FaultKind::CrashLoop,
                    FaultKind::SlowSync,
                    FaultKind::Panic,
                    FaultKind::Wiped,
                ],
                lasting_ms: 10_000,
                paces: &[],
                faults_min: 6,
                workload: Workload::default(),
            }
        }

        fn reductions_max(&self) -> usize {
            1000
        }

        fn run(&self, plan: &Plan) -> Ran {
            let mut ran = Ran {
                operations: 1000,
                simulated_ms: plan.lasting_ms,
                ..Ran::default()
            };
            for fault in &plan.faults {
                if fault.kind != FaultKind::Wiped {
                    ran.fire(fault.kind);
                }
            }
            let has = |kind| plan.faults.iter().any(|fault| fault.kind == kind);
            assert!(
                plan.seed.is_multiple_of(2) || !has(FaultKind::CrashLoop) || !has(FaultKind::SlowSync),
                "both at once"
            );
            ran
        }
    }

    #[test]
    fn a_failing_seed_prints_itself_its_fewest_faults_and_where_the_history_is() {
        let directory = tempfile::tempdir().unwrap();
        let summary = simulate(&Planted, Seeds { first: 1, count: 1 }, directory.path());
        let [failure] = summary.failures.as_slice() else {
            panic!("{} failures", summary.failures.len())
        };
        let reduced = &failure.reduced.as_ref().unwrap().plan;
        let mut kinds: Vec<FaultKind> = reduced.faults.iter().map(|fault| fault.kind).collect();
        kinds.sort();
        assert_eq!(kinds, [FaultKind::CrashLoop, FaultKind::SlowSync]);
        let text = summary.to_string();
        assert!(text.contains("FIRST_SEED=1") && text.contains("both at once"), "{text}");
        assert!(failure.history.as_ref().unwrap().exists());
    }

    #[test]
    fn a_fault_that_never_fired_fails_the_run() {
        let directory = tempfile::tempdir().unwrap();
        let mut summary = simulate(&Planted, Seeds { first: 2, count: 40 }, directory.path());
        assert_eq!(summary.never_fired(), [FaultKind::Wiped]);
        summary.failures.clear();
        assert!(!summary.is_clean() && summary.to_string().contains("never fired: wiped"));
    }

    #[test]
    fn a_checker_that_checked_nothing_fails_the_runs() {
        let directory = tempfile::tempdir().unwrap();
        let mut summary = simulate(&Planted, Seeds { first: 2, count: 40 }, directory.path());
        summary.failures.clear();
        summary.fired.insert(FaultKind::Wiped, 1);
        assert!(!summary.is_clean(), "nothing was written");
        assert!(
            summary
                .to_string()
                .contains("checked nothing: never_reverted, convergence")
        );
    }

    #[test]
    fn a_run_in_which_too_little_goes_wrong_fails() {
        struct Sheltered;
        impl Stage for Sheltered {
            fn name(&self) -> &'static str {
                "sheltered"
            }
            fn scale(&self) -> Scale {
                Planted.scale()
            }
            fn reductions_max(&self) -> usize {
                0
            }
            fn run(&self, plan: &Plan) -> Ran {
                let done = plan.faults.len() / 3;
                let mut ran = Ran {
                    operations: 1000,
                    ..Ran::default()
                };
                plan.faults.iter().take(done).for_each(|fault| ran.fire(fault.kind));
                ran
            }
        }
        let judged = judge(&Sheltered, &Plan::generate(1, &Sheltered.scale()));
        assert!(
            judged.findings()[0].contains("planned faults were done"),
            "{:?}",
            judged.findings()
        );
    }

    #[test]
    fn a_run_with_too_few_operations_fails() {
        struct Idle;
        impl Stage for Idle {
            fn name(&self) -> &'static str {
                "idle"
            }
            fn scale(&self) -> Scale {
                Planted.scale()
            }
            fn reductions_max(&self) -> usize {
                0
            }
            fn run(&self, _: &Plan) -> Ran {
                Ran::default()
            }
        }
        let plan = Plan::generate(2, &Idle.scale());
        assert_eq!(judge(&Idle, &plan).finders(), ["run"]);
    }
}
