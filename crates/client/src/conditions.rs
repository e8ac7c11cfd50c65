//! What a write presumes of its document.

use rejoin_api::proto;
use rejoin_document::Checksum;

/// What to do with a write whose base revision is no longer current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Merge it with what came after; refuse it where both changed the same member.
    #[default]
    Merge,
    /// Refuse it, whatever was changed.
    RejectStale,
    /// Merge it; where both changed the same member, both values stay, listed as a conflict.
    KeepBranch,
}

/// What the writer presumes. The node checks it on the document as it is before the write, in the same step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The revision that the writer had read. Default: none, whatever is current.
    pub base: Option<String>,
    /// The checksum of what the writer had read, which the document must still have. Default: none.
    pub checksum: Option<Checksum>,
    /// What to do if `base` is no longer current.
    pub on_conflict: OnConflict,
}

impl Conditions {
    /// Based on a revision, and merged with what came after.
    pub fn since(base: Option<&str>) -> Self {
        Self {
            base: base.map(str::to_owned),
            ..Self::default()
        }
    }
}

impl From<OnConflict> for proto::OnConflict {
    fn from(on_conflict: OnConflict) -> Self {
        match on_conflict {
            OnConflict::Merge => Self::Merge,
            OnConflict::RejectStale => Self::RejectStale,
            OnConflict::KeepBranch => Self::KeepBranch,
        }
    }
}
