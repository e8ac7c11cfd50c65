//! A record that cannot be read.

use crate::engine::Family;

/// A key or a value on disk is not what this version writes: the disk is damaged, or another program wrote there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record of the key family {} cannot be read ({detail}); restore a backup or wipe the node and let its peers refill it", family.name())]
pub struct CorruptRecord {
    /// Where.
    pub family: Family,
    /// What is wrong with it.
    pub detail: String,
}
