//! What a run was.

use std::collections::BTreeMap;

use crate::history::History;
use crate::plan::FaultKind;

/// A run that is over.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// What clients did and nodes showed.
    pub history: History,
    /// Everything that happened, in its order: one line an event, the same bytes for the same plan.
    pub log: Vec<u8>,
    /// How often each kind of fault was done. One that was planned and never found its occasion is not counted.
    pub fired: BTreeMap<FaultKind, u64>,
    /// Calls of clients.
    pub operations: u64,
    /// How long it lasted, in simulated milliseconds.
    pub simulated_ms: u64,
    /// What was found wrong while it went on, beside what the checkers find in the history: a task that panicked, a network that did not come up.
    pub troubles: Vec<String>,
}

impl Ran {
    /// Counts a fault that was done.
    pub fn fire(&mut self, kind: FaultKind) {
        *self.fired.entry(kind).or_default() += 1;
    }
}
