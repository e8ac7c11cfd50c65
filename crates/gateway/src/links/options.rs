//! What the settings mean for the protocol and for connections.

use std::time::Duration;

use rejoin_sync::LinkOptions;

use super::DialTimes;
use crate::config::LinkSettings;

/// The options of the machines.
pub(crate) fn link_options(settings: &LinkSettings) -> LinkOptions {
    LinkOptions {
        partition_after_ms: settings.partition_after_ms,
        abandon_after_ms: settings.abandon_after_ms,
        heartbeat_interval_ms: settings.heartbeat_ms,
        forward_delay_ms: settings.forward_delay_ms,
        window_bytes: settings.window_bytes,
        batch_bytes: settings.batch_bytes,
        backoff_ms_min: settings.backoff_min_ms,
        backoff_ms_max: settings.backoff_max_ms,
        compare_interval_ms: settings.compare_every_ms,
        ..LinkOptions::default()
    }
}

/// The times of outgoing connections. HTTP/2 is probed as often as the link says that it is alive.
pub(crate) fn dial_times(settings: &LinkSettings) -> DialTimes {
    DialTimes {
        connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
        keepalive_interval: Duration::from_millis(settings.heartbeat_ms.max(1_000)),
        keepalive_timeout: Duration::from_millis(settings.abandon_after_ms),
    }
}
