//! A run before it is run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fault, Topology};
use crate::workload::Workload;

/// Everything that follows from a seed. The seed itself still decides what chance decides while the plan is carried out: two runs of one plan are
/// equal, and a plan with fewer faults keeps the rest of its chances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How the datacenters are connected.
    pub topology: Topology,
    /// How many there are.
    pub datacenters: usize,
    /// What clients do.
    pub workload: Workload,
    /// How long the clients work and faults happen, in simulated milliseconds. After it the faults are lifted and the nodes converge.
    pub lasting_ms: u64,
    /// How much more time than a quick run everything takes that clients do and that goes wrong: pauses between writes, partitions, stopped processes.
    /// The network and the timers of the nodes are as they are. So the writes of one run meet in seconds, those of another come in the course of
    /// hours, in which removals, comparisons and connections grow old.
    pub pace: u64,
    /// What goes wrong, in the order of its times.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The name of a datacenter, by its number.
    pub fn datacenter(number: usize) -> String {
        let letter = u8::try_from(number).ok().and_then(|number| b'a'.checked_add(number));
        format!("dc-{}", char::from(letter.unwrap_or(b'?')))
    }

    /// The names of all datacenters.
    pub fn names(&self) -> Vec<String> {
        (0..self.datacenters).map(Self::datacenter).collect()
    }

    /// The connected pairs.
    pub fn edges(&self) -> Vec<(usize, usize)> {
        self.topology.edges(self.datacenters)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "seed {}: {} of {} datacenters, {} clients each, {} documents, {} s, {} faults",
            self.seed,
            self.topology,
            self.datacenters,
            self.workload.clients,
            self.workload.documents,
            self.lasting_ms / 1000,
            self.faults.len()
        )?;
        self.faults
            .iter()
            .try_for_each(|fault| writeln!(formatter, "  {fault}"))
    }
}
