//! Clients that read, write and write down what they did.

mod random;
mod seed;
mod session;
mod timings;

pub(crate) use random::{edit, new_body};
pub use random::{random_client, random_rules};
pub use seed::{SEED_VARIABLE, seed};
pub use session::{Attempt, Session, Shared, Sight};
pub use timings::{Timings, percentile};
