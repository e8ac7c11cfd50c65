//! The stages there are.

use super::Stage;
use super::core::Core;
use super::nodes::{DiskKind, WholeNodes};

/// Every stage, and of how many seeds it runs one: a slow stage runs fewer.
pub fn stages() -> [(&'static dyn Stage, u64); 2] {
    const NODES: WholeNodes = WholeNodes { disk: DiskKind::Memory };
    [(&Core, 1), (&NODES, 10)]
}
