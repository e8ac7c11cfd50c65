//! What a database's owner sets beside the merge rules. It replicates with the definition.

use std::fmt;
use std::str::FromStr;

/// What becomes of the checksum of an update, a patch or a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChecksumPolicy {
    /// It is not looked at.
    Ignored,
    /// It is checked where one is given.
    #[default]
    Optional,
    /// A write of a document that exists is refused without one.
    Required,
}

/// The settings of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DatabaseSettings {
    /// Whether writes name the checksum of what they replace.
    pub checksums: ChecksumPolicy,
    /// Superseded revisions that are kept of each document, the newest of them. 0: as many as `keep_for_s` allows.
    pub keep_revisions: u32,
    /// Seconds for which a superseded revision is kept. 0: as the node's options say.
    pub keep_for_s: u64,
    /// Documents that writes of a node may bring the database to. 0: there is no bound.
    pub documents_max: u64,
    /// Bytes of stored documents that writes of a node may bring the database to. 0: there is no bound.
    pub bytes_max: u64,
}

/// A text names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("checksum policy `{0}` is unknown: use ignored, optional or required")]
pub struct ChecksumPolicyError(String);

impl fmt::Display for ChecksumPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ignored => "ignored",
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}

impl FromStr for ChecksumPolicy {
    type Err = ChecksumPolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ignored" => Ok(Self::Ignored),
            "optional" => Ok(Self::Optional),
            "required" => Ok(Self::Required),
            other => Err(ChecksumPolicyError(other.to_owned())),
        }
    }
}
