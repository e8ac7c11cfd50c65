//! What the clients of a run do: one description for every stage.

use serde::{Deserialize, Serialize};

use super::Weights;
use crate::history::Rules;
use rejoin_document::Rule;

/// Who does how much of what. The same description drives the pure core, whole nodes and processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workload {
    /// Clients of each datacenter, each with a session of its own.
    pub clients: u32,
    /// Documents that everybody writes to: few, so that writes meet.
    pub documents: u32,
    /// Operations that a run has at least; a run with fewer proves little.
    pub operations_min: u32,
    /// The longest pause of a client between two operations, in milliseconds of the run.
    pub pause_ms_max: u32,
    /// How often each operation is drawn.
    pub weights: Weights,
    /// The rules of the database. Each of their paths is written as its rule wants it; some paths without a rule are written too.
    pub rules: Rules,
    /// Whether somebody may change the rules of what is written meanwhile. Else a definition that changes says nothing of it.
    pub rules_change: bool,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            clients: 3,
            documents: 8,
            operations_min: 200,
            pause_ms_max: 800,
            weights: Weights::default(),
            rules: random_rules(),
            rules_change: true,
        }
    }
}

/// The rules of the database that a workload writes to where nothing else is said.
pub fn random_rules() -> Rules {
    Rules::new([
        ("/tags", Rule::Set),
        ("/stock", Rule::Counter),
        ("/seen", Rule::Latest),
        ("/high", Rule::Max),
    ])
}
