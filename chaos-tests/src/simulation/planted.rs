//! The bugs that are planted below and around the product: in disks and connections. A build without debug assertions has none.

use rejoin_gateway::config::Settings;

/// Whether the disk is to be told of syncs that it does not do.
pub(super) fn is_without_sync() -> bool {
    #[cfg(debug_assertions)]
    return rejoin_document::planted::is(rejoin_document::planted::Bug::NoSync);
    #[cfg(not(debug_assertions))]
    false
}

/// Takes from a node whatever would notice that a connection is dead, if that bug is planted.
pub(super) fn spoil(settings: &mut Settings) {
    if is_without_keepalive() {
        const NEVER_MS: u64 = 30 * 24 * 3600 * 1000;
        settings.links.abandon_after_ms = NEVER_MS;
        settings.grpc.keepalive_interval_ms = NEVER_MS;
        settings.grpc.keepalive_timeout_ms = NEVER_MS;
    }
}

fn is_without_keepalive() -> bool {
    #[cfg(debug_assertions)]
    return rejoin_document::planted::is(rejoin_document::planted::Bug::NoKeepalive);
    #[cfg(not(debug_assertions))]
    false
}
