//! Records, every few seconds, the figures that have no event of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use rejoin_document::DatacenterName;
use rejoin_sync::{LinkState, Timestamp};
use tokio::time::MissedTickBehavior;

use super::NodeContext;
use crate::metrics::Metrics;

const EVERY: Duration = Duration::from_secs(2);

/// Samples until the node stops.
pub(super) async fn run(context: NodeContext, metrics: Metrics) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut up_to_date: BTreeMap<DatacenterName, Timestamp> = BTreeMap::new();
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
            let state = board.status().map(|(status, _)| status.state);
            if state == Some(LinkState::Connected) {
                up_to_date.insert(peer.clone(), now);
            }
            let connected = matches!(state, Some(LinkState::Connected | LinkState::CatchingUp));
            let lag = up_to_date.get(peer).map(|at| Duration::from_millis(now.since(*at)));
            metrics.link(peer, connected, lag);
        }
    }
}
