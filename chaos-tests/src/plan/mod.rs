//! What a run is going to do, all of it from one number: the network, the clients' work, and what goes wrong and when.
//!
//! ```text
//!   seed ──▶ Plan { topology, workload, faults } ──▶ a stage carries it out: pure core, whole nodes, processes
//!                    ▲                                          │ violated?
//!                    └────────────── reduce: fewer faults ◀─────┘
//! ```
//!
//! A plan knows nothing of the stages. A stage says which kinds of fault it can inject ([`Scale`]), and only those are drawn for it.

mod dice;
mod fault;
mod fault_kind;
mod generate;
// The folder is named after its main type.
#[allow(clippy::module_inception)]
mod plan;
mod reduce;
mod topology;

pub use dice::Dice;
pub use fault::{Fault, Target};
pub use fault_kind::{FaultGroup, FaultKind};
pub use generate::Scale;
pub use plan::Plan;
pub use reduce::{Reduced, reduce};
pub use topology::Topology;
