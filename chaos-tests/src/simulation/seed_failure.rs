//! A seed that failed, as it is printed: what anyone needs in order to look into it.

use std::fmt;
use std::path::PathBuf;

use crate::plan::{Plan, Reduced};

/// At most so many findings are printed.
const PRINTED_MAX: usize = 10;

/// A seed whose run violated something.
#[derive(Clone, Debug)]
pub struct SeedFailure {
    /// The stage.
    pub stage: &'static str,
    /// The plan.
    pub plan: Plan,
    /// Fewer faults that fail in the same way; absent where many seeds failed already.
    pub reduced: Option<Reduced>,
    /// What is wrong.
    pub findings: Vec<String>,
    /// Where the history of the reduced plan is; what was met instead if it could not be written.
    pub history: Result<PathBuf, String>,
}

impl fmt::Display for SeedFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.plan.seed;
        writeln!(
            formatter,
            "{} seed {seed} failed; repeat with: make simulate SEEDS=1 FIRST_SEED={seed}",
            self.stage
        )?;
        write!(formatter, "{}", self.plan)?;
        for finding in self.findings.iter().take(PRINTED_MAX) {
            writeln!(formatter, "  ! {finding}")?;
        }
        if self.findings.len() > PRINTED_MAX {
            writeln!(formatter, "  ! and {} more", self.findings.len() - PRINTED_MAX)?;
        }
        if let Some(reduced) = &self.reduced {
            let least = if reduced.minimal {
                "all are needed"
            } else {
                "some may not be needed"
            };
            writeln!(
                formatter,
                "it still fails with {} of its faults ({least}, {} runs):",
                reduced.plan.faults.len(),
                reduced.tries
            )?;
            for fault in &reduced.plan.faults {
                writeln!(formatter, "  {fault}")?;
            }
        }
        match &self.history {
            Ok(path) => writeln!(formatter, "history: {}", path.display()),
            Err(problem) => writeln!(formatter, "history: not written, {problem}"),
        }
    }
}
