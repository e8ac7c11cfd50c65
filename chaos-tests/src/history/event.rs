//! One line of a history.

use serde::{Deserialize, Serialize};

use super::{
    Entry, FaultFired, FinalState, Forgotten, Issued, Observation, Quiet, Reading, Replay, Restart, RulesKnown, Tick,
};

/// Something that happened in a run, in the order in which it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A client wrote.
    Write(Entry),
    /// A client read a document.
    Reading(Reading),
    /// What a node knew at one instant, seen from outside of all clients.
    Observation(Observation),
    /// A replica issued a time and gave it to a write.
    Issued(Issued),
    /// A node let something go for good.
    Forgotten(Forgotten),
    /// A fault was done, or ended.
    Fault(FaultFired),
    /// A node goes by other rules from now on.
    Rules(RulesKnown),
    /// A node came back.
    Restart(Restart),
    /// The last fault was lifted and the last client fell silent.
    Quiet(Quiet),
    /// All that a node shows at the end.
    FinalState(FinalState),
    /// The recorded writes were delivered again, in another order.
    Replay(Replay),
}

impl Event {
    /// When it was over: for a call, when its answer came. `None` for what happens after the run.
    pub fn at(&self) -> Option<Tick> {
        match self {
            Self::Write(entry) => Some(entry.answered),
            Self::Reading(reading) => Some(reading.at),
            Self::Observation(observation) => Some(observation.at),
            Self::Issued(issued) => Some(issued.at),
            Self::Forgotten(forgotten) => Some(forgotten.at),
            Self::Fault(fault) => Some(fault.at),
            Self::Rules(known) => Some(known.at),
            Self::Restart(restart) => Some(restart.at),
            Self::Quiet(quiet) => Some(quiet.at),
            Self::FinalState(state) => Some(state.at),
            Self::Replay(_) => None,
        }
    }
}
