//! What the chaos tests have in common: nodes, a database that all sides create, clients, and storms of faults.
//!
//! A [`Trial`] is the same on every [`Ground`]: processes behind proxies, processes in network namespaces, containers.

mod composed;
mod counting;
mod course;
mod exchanged;
mod ground;
mod hurt;
mod kind;
mod namespaced;
mod proxied;
mod schedule;
mod setup;
mod storm;
mod trial;
mod verdict;

pub use composed::Composed;
pub use counting::count_up;
pub use exchanged::Exchanged;
pub use ground::Ground;
pub use kind::Kind;
pub use namespaced::Namespaced;
pub use proxied::Proxied;
pub use schedule::{Step, Trouble, Weather, schedule};
pub use setup::Scenario;
pub use storm::{Befallen, Storm};
pub use trial::{Trial, workload};
pub use verdict::{Tally, Verdict};
