//! The settings of the commit queue as plain numbers, in the units of the other settings.

use std::time::Duration;

use rejoin_store::QueueOptions;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the file holds for [`QueueOptions`], whose defaults these are too.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CommitSettings {
    waiting_max: usize,
    waiting_bytes_max: usize,
    group_max: usize,
    group_bytes_max: usize,
    alive_every_ms: u64,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self::from(&QueueOptions::default())
    }
}

impl From<&QueueOptions> for CommitSettings {
    fn from(options: &QueueOptions) -> Self {
        Self {
            waiting_max: options.waiting_max,
            waiting_bytes_max: options.waiting_bytes_max,
            group_max: options.group_max,
            group_bytes_max: options.group_bytes_max,
            alive_every_ms: u64::try_from(options.alive_every.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl From<CommitSettings> for QueueOptions {
    fn from(settings: CommitSettings) -> Self {
        Self {
            waiting_max: settings.waiting_max,
            waiting_bytes_max: settings.waiting_bytes_max,
            group_max: settings.group_max,
            group_bytes_max: settings.group_bytes_max,
            alive_every: Duration::from_millis(settings.alive_every_ms),
        }
    }
}

pub(super) fn serialize<S: Serializer>(options: &QueueOptions, serializer: S) -> Result<S::Ok, S::Error> {
    CommitSettings::from(options).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<QueueOptions, D::Error> {
    CommitSettings::deserialize(deserializer).map(QueueOptions::from)
}
