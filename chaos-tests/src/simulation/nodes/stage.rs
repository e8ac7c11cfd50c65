//! Whole nodes as a stage that carries out plans.

use super::{kinds, run};
use crate::checker::{determinism, forgetting};
use crate::plan::{Plan, Scale};
use crate::simulation::{Ran, Stage};

/// Whole nodes over a simulated network.
#[derive(Clone, Copy, Debug, Default)]
pub struct WholeNodes {
    /// What the disks of the machines are.
    pub disk: DiskKind,
}

/// What the disks of the machines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskKind {
    /// Maps in memory.
    #[default]
    Memory,
    /// RocksDB in temporary directories. Only for binaries that count syncs (see [`super::synced`]).
    Directory,
}

impl Stage for WholeNodes {
    fn name(&self) -> &'static str {
        match self.disk {
            DiskKind::Memory => "whole nodes",
            DiskKind::Directory => "whole nodes on RocksDB",
        }
    }

    fn scale(&self) -> Scale {
        kinds::scale()
    }

    /// No log is delivered again in another order, and what nodes forget is not written down.
    fn unfed(&self) -> &'static [&'static str] {
        &[determinism::NAME, forgetting::NAME]
    }

    fn reductions_max(&self) -> usize {
        match self.disk {
            DiskKind::Memory => 20,
            // Opening RocksDB takes most of a run.
            DiskKind::Directory => 5,
        }
    }

    fn run(&self, plan: &Plan) -> Ran {
        run::run(plan, self.disk)
    }
}
