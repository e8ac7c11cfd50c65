//! One node: the store, its commit queue, the links, the server and what runs in the background, wired together.

mod cleaning;
mod commits;
pub(crate) mod compaction;
mod context;
mod disk;
mod error;
mod live_settings;
mod long_read;
pub(crate) mod peers;
mod purging;
mod running;
mod sampling;
mod view_indexes;
mod vital;

pub(crate) use cleaning::retry;
pub(crate) use commits::Commits;
pub(crate) use context::NodeContext;
pub use disk::{Disk, open_disk};
pub use error::{Interface, StartError};
pub(crate) use live_settings::LiveSettings;
pub(crate) use long_read::long_read;
pub(crate) use peers::Peers;
pub(crate) use purging::purge;
pub use running::{Node, Parts};
pub(crate) use view_indexes::ViewIndexes;
pub(crate) use vital::Vital;
pub use vital::{TaskEnd, VitalTaskFailed};
