//! The stages there are.

use super::Stage;
use super::core::Core;

/// Every stage, and of how many seeds it runs one: a slow stage runs fewer.
pub fn stages() -> [(&'static dyn Stage, u64); 1] {
    [(&Core, 1)]
}
