//! What many runs come to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::checker::Report;
use crate::plan::FaultKind;

use super::{Judged, SeedFailure, Stage};

/// All runs of one stage.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The stage.
    pub stage: &'static str,
    /// Runs.
    pub seeds: u64,
    /// How long they lasted, in simulated milliseconds.
    pub simulated_ms: u64,
    /// How long they took.
    pub took: Duration,
    /// Calls of clients.
    pub operations: u64,
    /// How often each kind of fault was done, those that the stage can do and never did too.
    pub fired: BTreeMap<FaultKind, u64>,
    /// Whether so many faults were planned that each kind must have been done.
    pub covers_all_kinds: bool,
    /// What the checkers said.
    pub report: Report,
    /// Checkers that have nothing to check in this stage.
    unfed: &'static [&'static str],
    /// Seeds that failed, in ascending order.
    pub failures: Vec<SeedFailure>,
}

impl Summary {
    /// Nothing yet of a stage.
    pub(super) fn new(stage: &dyn Stage, covers_all_kinds: bool) -> Self {
        Self {
            stage: stage.name(),
            seeds: 0,
            simulated_ms: 0,
            took: Duration::ZERO,
            operations: 0,
            fired: stage.scale().kinds.iter().map(|kind| (*kind, 0)).collect(),
            covers_all_kinds,
            report: Report::default(),
            unfed: stage.unfed(),
            failures: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, judged: Judged) {
        self.seeds += 1;
        self.simulated_ms += judged.ran.simulated_ms;
        self.operations += judged.ran.operations;
        for (kind, count) in judged.ran.fired {
            *self.fired.entry(kind).or_default() += count;
        }
        self.report.add(judged.report);
    }

    /// Faults that were done.
    pub fn faults(&self) -> u64 {
        self.fired.values().sum()
    }

    /// Kinds of fault that the stage can do and that were never done.
    pub fn never_fired(&self) -> Vec<FaultKind> {
        let never = self.fired.iter().filter(|(_, count)| **count == 0);
        never.map(|(kind, _)| *kind).collect()
    }

    /// Checkers that had nothing to check although this stage has what they look at.
    pub fn idle(&self) -> Vec<&'static str> {
        let idle = self.report.idle();
        idle.filter(|name| !self.unfed.contains(name)).collect()
    }

    /// Whether nothing was violated, and nothing was left out.
    pub fn is_clean(&self) -> bool {
        let is_whole = !self.covers_all_kinds || self.never_fired().is_empty() && self.idle().is_empty();
        self.failures.is_empty() && self.report.is_clean() && is_whole
    }

    /// Simulated hours in one hour of the machine.
    pub fn speed(&self) -> f64 {
        self.simulated_ms as f64 / (self.took.as_secs_f64() * 1000.0).max(1.0)
    }

    /// The one line that tells it all.
    pub fn last_line(summaries: &[Self]) -> String {
        let sum = |of: fn(&Self) -> u64| summaries.iter().map(of).sum::<u64>();
        let unaccounted: usize = summaries.iter().map(|summary| summary.report.unaccounted()).sum();
        let took: f64 = summaries.iter().map(|summary| summary.took.as_secs_f64()).sum();
        format!(
            "{} seeds, {} simulated seconds ({:.0} simulated hours per hour), {} faults, {} operations ({:.0} a second), {} failed, unaccounted {unaccounted}",
            sum(|summary| summary.seeds),
            sum(|summary| summary.simulated_ms) / 1000,
            sum(|summary| summary.simulated_ms) as f64 / (took * 1000.0).max(1.0),
            sum(Self::faults),
            sum(|summary| summary.operations),
            sum(|summary| summary.operations) as f64 / took.max(0.001),
            sum(|summary| summary.failures.len() as u64),
        )
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(formatter, "{failure}")?;
        }
        writeln!(formatter, "{}: faults that were done:", self.stage)?;
        for (kind, count) in &self.fired {
            writeln!(formatter, "  {:40} {count:>7}", kind.name())?;
        }
        writeln!(formatter, "{}: what was checked:", self.stage)?;
        for (name, checked) in self.report.results() {
            let (items, violations) = (checked.items, checked.violations.len());
            writeln!(formatter, "  {name:40} {items:>9}, {violations} violations")?;
        }
        let never = self.never_fired();
        if self.covers_all_kinds && !never.is_empty() {
            let names: Vec<&str> = never.iter().map(|kind| kind.name()).collect();
            writeln!(
                formatter,
                "{}: FAILED, these faults never fired: {}",
                self.stage,
                names.join(", ")
            )?;
        }
        let idle = self.idle();
        if self.covers_all_kinds && !idle.is_empty() {
            writeln!(
                formatter,
                "{}: FAILED, these checkers checked nothing: {}",
                self.stage,
                idle.join(", ")
            )?;
        }
        write!(
            formatter,
            "{}: {}",
            self.stage,
            Self::last_line(std::slice::from_ref(self))
        )
    }
}
