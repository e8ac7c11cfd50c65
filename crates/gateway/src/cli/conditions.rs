//! What a write presumes of its document, as arguments.

use clap::{Args, ValueEnum};
use rejoin_client::{Conditions, OnConflict};
use rejoin_document::Checksum;
use serde::Deserialize;

/// The state that the writer had read.
#[derive(Debug, Args)]
pub(super) struct ConditionArguments {
    /// The revision that was read
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    /// The checksum that was read, as `get --json` prints it
    #[arg(long, value_name = "CHECKSUM")]
    checksum: Option<Checksum>,
}

/// What to do with a write whose revision is no longer current.
#[derive(Clone, Copy, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnConflictArgument {
    /// Merge with what came after; refuse it where both changed the same member
    #[default]
    Merge,
    /// Refuse it, whatever was changed
    RejectStale,
    /// Merge; where both changed the same member, both values stay, listed as a conflict
    KeepBranch,
}

impl ConditionArguments {
    pub(super) fn with(&self, on_conflict: OnConflictArgument) -> Conditions {
        Conditions {
            base: self.rev.clone(),
            checksum: self.checksum,
            on_conflict: on_conflict.into(),
        }
    }
}

impl From<OnConflictArgument> for OnConflict {
    fn from(argument: OnConflictArgument) -> Self {
        match argument {
            OnConflictArgument::Merge => Self::Merge,
            OnConflictArgument::RejectStale => Self::RejectStale,
            OnConflictArgument::KeepBranch => Self::KeepBranch,
        }
    }
}
