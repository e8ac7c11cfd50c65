//! Comparing this node with its peers on demand.

use std::sync::Arc;
use std::time::Duration;

use rejoin_api::proto;
use rejoin_document::DatabaseName;
use rejoin_store::Store;
use rejoin_sync::ComparedDatabase;
use tokio::task::JoinSet;

use super::error::Failure;
use super::request;
use crate::links::{Board, verify};
use crate::node::NodeContext;

/// How long one peer may take where the call does not say.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(600);

/// How long it may take at most.
const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);

/// Compares with one peer, or all at the same time. What was begun goes on to its end when the client stops waiting.
///
/// # Errors
///
/// The peer is not a configured one.
pub(super) async fn run(context: &NodeContext, call: &proto::VerifyRequest) -> Result<proto::VerifyResponse, Failure> {
    let hub = &context.links.hub;
    let boards: Vec<Arc<Board>> = match call.datacenter.as_str() {
        "" => hub.members(),
        name => {
            let peer = request::datacenter(name)?;
            let board = hub.board(&peer).ok_or_else(|| Failure::peer_unknown(&peer))?;
            vec![board]
        }
    };
    let timeout = match call.timeout_ms {
        0 => TIMEOUT_DEFAULT,
        ms => Duration::from_millis(u64::from(ms)).min(TIMEOUT_MAX),
    };
    let mut comparing = JoinSet::new();
    for (place, board) in boards.into_iter().enumerate() {
        let store = context.store.clone();
        comparing.spawn(async move { (place, one(&store, &board, timeout).await) });
    }
    let mut peers = comparing.join_all().await;
    peers.sort_by_key(|(place, _)| *place);
    Ok(proto::VerifyResponse {
        peers: peers.into_iter().map(|(_, peer)| peer).collect(),
    })
}

async fn one(store: &Store, board: &Board, timeout: Duration) -> proto::VerifiedPeer {
    let compared = tokio::time::timeout(timeout, verify(board)).await;
    let compared = compared.unwrap_or_else(|_| Err(format!("it was not compared within {timeout:?}")));
    let peer = &board.peer().datacenter;
    match compared {
        Ok(databases) => {
            let differing: u64 = databases.iter().map(|database| database.documents).sum();
            tracing::info!(%peer, databases = databases.len(), differing, "compared for an operator");
            proto::VerifiedPeer {
                datacenter: peer.to_string(),
                compared: true,
                reason: String::new(),
                databases: with_figures(store, databases),
            }
        }
        Err(reason) => proto::VerifiedPeer {
            datacenter: peer.to_string(),
            compared: false,
            reason,
            databases: Vec::new(),
        },
    }
}

/// With how much each holds, and by the names that clients know.
fn with_figures(store: &Store, databases: Vec<ComparedDatabase>) -> Vec<proto::VerifiedDatabase> {
    let (figures, visible) = (store.status(), store.visible());
    let shown_as = |name: &DatabaseName| {
        let shown = visible.iter().find(|visible| visible.definition.name == *name);
        shown.map_or_else(|| name.to_string(), |shown| shown.shown_as.clone())
    };
    let database = |found: ComparedDatabase| proto::VerifiedDatabase {
        name: shown_as(&found.name),
        documents: figures
            .iter()
            .find(|status| status.name == found.name)
            .map_or(0, |status| status.documents),
        buckets_differing: found.buckets,
        documents_differing: found.documents,
        differing_ids: found.ids.iter().map(ToString::to_string).collect(),
        repaired: found.repaired,
        equal: found.equal,
    };
    databases.into_iter().map(database).collect()
}
