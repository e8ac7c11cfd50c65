//! What clients did and nodes showed, recorded outside the nodes: the log that the ledger and the checkers read.
//!
//! ```text
//!   real processes ─────┐                             ┌──▶ checker::run ──▶ Report
//!   whole nodes ────────┼──▶ History { rules, events }┤
//!   the pure core ──────┘      (JSON lines)           └──▶ ledger ──▶ Account
//! ```
//!
//! A client of a real process sees only answers; a simulation knows more. So whatever a client cannot see is optional: an absent fact is unknown,
//! and a checker that finds none of its facts says that it has checked nothing.

mod edit;
mod entry;
mod event;
mod fault_fired;
mod final_state;
mod forgotten;
mod issued;
mod json;
mod knowledge;
mod let_go;
mod log;
mod observation;
mod quiet;
mod reading;
mod recorder;
mod replay;
mod restart;
mod rules;
mod rules_known;
mod stamp;
mod turned_edit;

pub use edit::{Edit, edits, resolution};
pub use entry::{Entry, Facts, Outcome, Read, Tick, generation};
pub use event::Event;
pub use fault_fired::{FaultFired, Phase};
pub use final_state::FinalState;
pub use forgotten::Forgotten;
pub use issued::Issued;
pub use json::Json;
pub use knowledge::Knowledge;
pub use let_go::LetGo;
pub use log::History;
pub use observation::Observation;
pub use quiet::Quiet;
pub use reading::{Answer, Reading};
pub use recorder::{Recorder, read_log};
pub use replay::Replay;
pub use restart::{Restart, Sizes};
pub use rules::Rules;
pub use rules_known::RulesKnown;
pub use stamp::Stamp;
pub use turned_edit::{turned_edits, turned_resolution};
