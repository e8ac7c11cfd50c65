//! How the nodes of a simulation are made, and what is wrong with them on purpose.

use rejoin_gateway::config::Settings;

/// A bug that is planted into whole nodes, so that a checker can be seen to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// The engine asks for no sync.
    NoSync,
    /// Nobody asks a connection whether it is still alive, and silence is no reason to give it up.
    NoKeepalive,
}

/// What the disks of the machines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskKind {
    /// Maps in memory.
    #[default]
    Memory,
    /// RocksDB in temporary directories. Only for binaries that count syncs (see [`super::synced`]).
    Directory,
}

/// How a simulation is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// What the disks are.
    pub disk: DiskKind,
    /// What is wrong on purpose.
    pub bug: Option<PlantedBug>,
}

impl Setup {
    pub(super) fn syncs(&self) -> bool {
        self.bug != Some(PlantedBug::NoSync)
    }

    pub(super) fn apply(&self, settings: &mut Settings) {
        if self.bug == Some(PlantedBug::NoKeepalive) {
            const NEVER_MS: u64 = 30 * 24 * 3600 * 1000;
            settings.links.abandon_after_ms = NEVER_MS;
            settings.grpc.keepalive_interval_ms = NEVER_MS;
            settings.grpc.keepalive_timeout_ms = NEVER_MS;
        }
    }
}
