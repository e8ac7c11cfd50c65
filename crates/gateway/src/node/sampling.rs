//! Records, every few seconds, the figures that have no event of their own.

use std::time::Duration;

use rejoin_sync::LinkState;
use tokio::time::MissedTickBehavior;

use super::NodeContext;
use crate::metrics::Metrics;

const EVERY: Duration = Duration::from_secs(2);

/// Samples until the node stops.
pub(super) async fn run(context: NodeContext, metrics: Metrics) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        for database in context.store.status() {
            metrics.database(&database.name, database.documents, database.conflicts);
        }
        let (full, free) = context.store.disk();
        metrics.disk(full, free);
        let now = context.links.clock.now();
        for board in context.links.hub.boards() {
            let peer = &board.peer().datacenter;
            // Notes when the peer last had everything, also while nobody asks.
            let progress = board.progress(now, |reached| context.links.port.has_all(reached));
            if let Some(reached) = &progress.reached {
                let has_all = progress.complete == Some(now);
                let missing = || context.links.port.sampled_missing_at(reached);
                metrics.ahead(peer, if has_all { 0 } else { missing() });
            }
            let Some((status, _)) = board.status() else { continue };
            let connected = matches!(status.state, LinkState::Connected | LinkState::CatchingUp);
            metrics.link(peer, connected, Duration::from_millis(status.lag_ms(now)));
        }
    }
}
