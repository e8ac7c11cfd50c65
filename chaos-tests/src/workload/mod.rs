//! Clients that read, write and write down what they did.

mod batch;
mod random;
mod roaming;
mod seed;
mod session;
mod timings;

pub use batch::BatchWrite;
pub use random::{random_client, random_rules};
pub use roaming::{Roamed, Site, roam};
pub use seed::{SEED_VARIABLE, seed};
pub use session::{Attempt, Session, Shared, Sight};
pub use timings::{Timings, percentile};
