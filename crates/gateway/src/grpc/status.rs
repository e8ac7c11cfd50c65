//! What a node says of itself: its links and how far each side is behind, its databases, its disk, and what an operator should look at.
//!
//! Nothing here asks another node: what is said of a peer is what it told last.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_store::{Store, VisibleDatabase};
use rejoin_sync::{Backlog, LinkState, LinkStatus, Timestamp};

use tonic::transport::Uri;

use super::error::Failure;
use crate::links::{Board, LinkEnd, PeerProgress};
use crate::node::NodeContext;
use crate::tls::NodeTls;

/// The status of a node now.
///
/// # Errors
///
/// The disk fails.
pub(super) fn read(context: &NodeContext) -> Result<proto::GetStatusResponse, Failure> {
    let store = &context.store;
    let (identity, (read_only, disk_free_bytes)) = (store.identity(), store.disk());
    let boards = context.links.hub.boards();
    Ok(proto::GetStatusResponse {
        datacenter: identity.datacenter.to_string(),
        replica: Bytes::copy_from_slice(identity.replica.as_bytes()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        links: boards.iter().map(|board| link(board, &context.links)).collect(),
        databases: databases(store),
        digest: Bytes::copy_from_slice(&store.root_digest().0),
        warnings: warnings(context)?,
        read_only,
        disk_free_bytes,
        disk_used_bytes: store.bytes_on_disk().ok(),
        time_unix_ms: i64::try_from(context.links.port.now().unix_ms()).unwrap_or(i64::MAX),
    })
}

fn warnings(context: &NodeContext) -> Result<Vec<String>, Failure> {
    let store = &context.store;
    let mut warnings = store.warnings()?;
    warnings.extend(context.tls.iter().flat_map(NodeTls::warnings));
    if store.is_shut_out() {
        warnings.push(format!(
            "the other datacenters have retired {}: what is written here reaches none of them; stop this node, and start it with an empty data directory once it is added again",
            store.identity().datacenter
        ));
    }
    for peer in store.behind() {
        warnings.push(format!(
            "this node took a new replica id and has not caught up with {peer} since; writes that it lost may be missing"
        ));
    }
    for status in store.status().iter().filter(|status| status.quarantined > 0) {
        warnings.push(format!(
            "{} document states of {} could not be applied and were set aside; `rejoin quarantine` lists them with the reason",
            status.quarantined, status.name
        ));
    }
    warnings.extend(store.visible().iter().filter_map(over_quota));
    let drifted = store.drifted();
    if drifted > 0 {
        warnings.push(format!(
            "the clocks of the datacenters differ: {drifted} writes of peers had times far ahead of this node's clock"
        ));
    }
    Ok(warnings)
}

/// What other datacenters have brought is taken whatever the quota is.
fn over_quota(visible: &VisibleDatabase) -> Option<String> {
    let (settings, name) = (visible.definition.settings, &visible.shown_as);
    let over = |used: u64, most: u64| most > 0 && used > most;
    let documents = over(visible.documents, settings.documents_max);
    (documents || over(visible.bytes, settings.bytes_max)).then(|| {
        format!(
            "the database {name} is over its quota, with {} documents and {} bytes: writes that make it larger are refused until some are deleted, or the quota is raised with `rejoin database update {name}`",
            visible.documents, visible.bytes
        )
    })
}

/// The databases that clients can read, with their figures.
fn databases(store: &Store) -> Vec<proto::DatabaseStatus> {
    let figures = store.status();
    let database = |visible: VisibleDatabase| {
        let status = figures.iter().find(|status| status.name == visible.definition.name)?;
        Some(proto::DatabaseStatus {
            name: visible.shown_as,
            documents: status.documents,
            conflicts: status.conflicts,
            sequence: status.sequence.0,
            quarantined: status.quarantined,
            version: visible.version.to_string(),
            version_missing_in: visible.version_missing_in.iter().map(ToString::to_string).collect(),
            survivors: visible.survivors,
            bytes: visible.bytes,
            documents_max: visible.definition.settings.documents_max,
            bytes_max: visible.definition.settings.bytes_max,
            catching_up_from: status.catching_up_from.iter().map(ToString::to_string).collect(),
        })
    };
    store.visible().into_iter().filter_map(database).collect()
}

/// A URL without a path is printed with a slash, which nobody wrote.
pub(super) fn address_text(address: &Uri) -> String {
    address.to_string().trim_end_matches('/').to_owned()
}

fn link(board: &Board, links: &LinkEnd) -> proto::Link {
    let (peer, now) = (board.peer(), links.clock.now());
    let progress = board.progress(now, |reached| links.port.has_all(reached));
    let mut link = proto::Link {
        datacenter: peer.datacenter.to_string(),
        address: address_text(&board.address()),
        peer_lag: peer_lag(&progress, links, now),
        clock_ahead_ms: board.clock_ahead_s().map(|seconds| (seconds * 1000.0).round() as i64),
        ..proto::Link::default()
    };
    if let Some((status, _)) = board.status() {
        link.lag = Some(lag(&status, now));
        link.caught_up_in_ms = status.estimate.map(|at| at.since(now));
        link.set_state(link_state(status.state));
        link.since_unix_ms = i64::try_from(status.since.0).unwrap_or(i64::MAX);
        link.reason = status.reason.unwrap_or_default();
        link.documents_received = status.documents_received;
    }
    link
}

fn lag(status: &LinkStatus, now: Timestamp) -> proto::Lag {
    proto::Lag {
        documents: status.behind.map(|behind| behind.documents),
        more: status.behind.is_some_and(|behind| behind.more),
        behind_ms: Some(status.lag_ms(now)),
    }
}

fn peer_lag(progress: &PeerProgress, links: &LinkEnd, now: Timestamp) -> Option<proto::Lag> {
    let reached = progress.reached.as_ref()?;
    let has_all = progress.complete == Some(now);
    let Backlog { documents, more } = if has_all {
        Backlog::default()
    } else {
        links.port.missing_at(reached)
    };
    Some(proto::Lag {
        documents: Some(documents),
        more,
        behind_ms: progress.complete.map(|at| now.since(at)),
    })
}

pub(super) fn link_state(state: LinkState) -> proto::LinkState {
    match state {
        LinkState::Connecting => proto::LinkState::Connecting,
        LinkState::CatchingUp => proto::LinkState::CatchingUp,
        LinkState::Connected => proto::LinkState::Connected,
        LinkState::Partitioned => proto::LinkState::Partitioned,
        LinkState::Cut => proto::LinkState::Cut,
        LinkState::Refused => proto::LinkState::Refused,
    }
}
