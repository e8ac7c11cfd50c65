//! All checkers over one history.

use std::fmt;

use super::{Case, Checked, Violation, all};
use crate::history::History;

/// What every checker said about one history, or about several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    results: Vec<(&'static str, Checked)>,
}

/// Runs all checkers over a history.
pub fn run(history: &History) -> Report {
    let case = Case::of(history);
    let results = all().iter().map(|checker| (checker.name, (checker.check)(&case)));
    Report {
        results: results.collect(),
    }
}

impl Report {
    /// What each checker said, by its name.
    pub fn results(&self) -> &[(&'static str, Checked)] {
        &self.results
    }

    /// Everything that was found.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.results.iter().flat_map(|(_, checked)| &checked.violations)
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.violations().next().is_none()
    }

    /// The checkers that had nothing to check.
    pub fn idle(&self) -> impl Iterator<Item = &'static str> {
        self.results
            .iter()
            .filter(|(_, checked)| checked.items == 0)
            .map(|(name, _)| *name)
    }

    /// How many findings the checker of this name has.
    pub fn found_by(&self, name: &str) -> usize {
        let results = self.results.iter().filter(|(checker, _)| *checker == name);
        results.map(|(_, checked)| checked.violations.len()).sum()
    }

    /// How many acknowledged writes are neither visible nor explained.
    pub fn unaccounted(&self) -> usize {
        self.found_by(super::never_reverted::NAME)
    }

    /// Adds a violation, as if a checker had found it.
    #[cfg(test)]
    pub(crate) fn find(&mut self, checker: &'static str, what: &str) {
        let found = Checked {
            items: 1,
            violations: vec![Violation::new(checker, what, [])],
        };
        self.add(Self {
            results: vec![(checker, found)],
        });
    }

    /// Adds the report of another history.
    pub fn add(&mut self, other: Self) {
        for (name, checked) in other.results {
            match self.results.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => own.add(checked),
                None => self.results.push((name, checked)),
            }
        }
    }
}

/// A line for each checker, then what was found.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, checked) in &self.results {
            writeln!(
                formatter,
                "{name}: {} checked, {} violations",
                checked.items,
                checked.violations.len()
            )?;
        }
        for violation in self.violations() {
            writeln!(formatter, "{violation}")?;
        }
        Ok(())
    }
}
