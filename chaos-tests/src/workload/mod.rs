//! Clients that read, write and write down what they did.
//!
//! ```text
//!   Workload ──▶ Generator ──▶ Operation ──▶ a store, a simulated node or a process ──▶ history::Event
//! ```

mod attempt;
mod batch;
mod chance;
mod change;
mod description;
mod generator;
mod http_door;
mod http_session;
mod operation;
mod paths;
mod random;
mod roaming;
mod seed;
mod session;
mod timings;
mod weights;

pub use attempt::{Attempt, How};
pub use batch::BatchWrite;
pub use chance::Chance;
pub use change::{Change, changed, merge_patch};
pub use description::{Workload, random_rules};
pub use generator::{Generator, documents};
pub use http_door::{HttpDoor, HttpFailure};
pub use operation::{Base, Choice, OnConflict, Operation};
pub use paths::overlap;
pub use random::random_client;
pub use roaming::{Roamed, Site, roam};
pub use seed::{SEED_VARIABLE, seed};
pub use session::{Session, Shared, Sight};
pub use timings::{Timings, percentile};
pub use weights::Weights;
