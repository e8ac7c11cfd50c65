//! `AdminService`: what operators ask a node.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rejoin_api::page_token;
use rejoin_api::proto::{self, admin_service_server::AdminService};
use rejoin_store::{Operation, Outcome, Store, VisibleDatabase};
use rejoin_sync::LinkState;
use tonic::{Request, Response, Status};
use tracing::instrument;

use super::error::Failure;
use super::{compact, page, request};
use crate::links::{Board, decode_heal};
use crate::node::NodeContext;
use crate::tls::NodeTls;

/// How long a cut waits for what is on its way: a batch that is being applied.
const QUIET_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves the operators of one node.
pub(super) struct AdminApi {
    context: NodeContext,
}

impl AdminApi {
    /// Over everything in `context`.
    pub(super) fn new(context: NodeContext) -> Self {
        Self { context }
    }

    fn status(&self) -> Result<proto::GetStatusResponse, Failure> {
        let store = &self.context.store;
        let (identity, (read_only, disk_free_bytes)) = (store.identity(), store.disk());
        Ok(proto::GetStatusResponse {
            datacenter: identity.datacenter.to_string(),
            replica: Bytes::copy_from_slice(identity.replica.as_bytes()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            links: self
                .context
                .links
                .hub
                .boards()
                .iter()
                .map(|board| link(board))
                .collect(),
            databases: databases(store),
            digest: Bytes::copy_from_slice(&store.root_digest().0),
            warnings: self.warnings()?,
            read_only,
            disk_free_bytes,
        })
    }

    fn warnings(&self) -> Result<Vec<String>, Failure> {
        let store = &self.context.store;
        let mut warnings = store.warnings()?;
        warnings.extend(self.context.tls.iter().flat_map(NodeTls::warnings));
        for peer in store.behind() {
            warnings.push(format!(
                "this node took a new replica id and has not caught up with {peer} since; writes that it lost may be missing"
            ));
        }
        for status in store.status().iter().filter(|status| status.quarantined > 0) {
            warnings.push(format!(
                "{} document states of {} could not be applied and were set aside; upgrade this node",
                status.quarantined, status.name
            ));
        }
        let drifted = store.drifted();
        if drifted > 0 {
            warnings.push(format!(
                "the clocks of the datacenters differ: {drifted} writes of peers had times far ahead of this node's clock"
            ));
        }
        Ok(warnings)
    }

    /// The store comes first: a cut that was acknowledged holds after a crash. Once it is acknowledged nothing crosses the
    /// links any more.
    async fn switch(&self, datacenter: &str, cut: bool) -> Result<bool, Failure> {
        let peer = request::datacenter(datacenter)?;
        let board = self
            .context
            .links
            .hub
            .board(&peer)
            .map(Arc::clone)
            .ok_or_else(|| Failure::peer_unknown(&peer))?;
        let outcome = self
            .context
            .commits
            .submit(Operation::SetLinkCut {
                peer: peer.clone(),
                cut,
            })
            .await?;
        board.set_cut(cut);
        if cut && tokio::time::timeout(QUIET_TIMEOUT, board.quiet()).await.is_err() {
            tracing::warn!(%peer, "the links are cut, but what was on its way has not ended yet");
        }
        let changed = matches!(outcome, Outcome::LinkCut { changed: true });
        if changed {
            tracing::warn!(%peer, cut, "an operator switched the links");
        }
        Ok(changed)
    }

    fn heals(&self, request: &proto::ListHealsRequest) -> Result<proto::ListHealsResponse, Failure> {
        let below = page_token::below_number(&request.page_token)?;
        let size = page::size(request.page_size);
        let reports = self.context.store.heals(below, size)?;
        let last = reports
            .last()
            .map(|(id, _)| *id)
            .filter(|id| reports.len() == size && *id > 1);
        let heals = reports
            .iter()
            .map(|(id, report)| decode_heal(*id, report))
            .collect::<Result<_, _>>();
        Ok(proto::ListHealsResponse {
            heals: heals.map_err(|_| Failure::corrupt("heal report"))?,
            next_page_token: last.map(|id| page_token::token(&id.to_be_bytes())).unwrap_or_default(),
        })
    }
}

#[tonic::async_trait]
impl AdminService for AdminApi {
    #[instrument(skip_all)]
    async fn get_status(
        &self,
        _call: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        Ok(Response::new(self.status()?))
    }

    #[instrument(skip_all, fields(peer = %call.get_ref().datacenter))]
    async fn cut_link(&self, call: Request<proto::CutLinkRequest>) -> Result<Response<proto::CutLinkResponse>, Status> {
        let changed = self.switch(&call.get_ref().datacenter, true).await?;
        Ok(Response::new(proto::CutLinkResponse { changed }))
    }

    #[instrument(skip_all, fields(peer = %call.get_ref().datacenter))]
    async fn restore_link(
        &self,
        call: Request<proto::RestoreLinkRequest>,
    ) -> Result<Response<proto::RestoreLinkResponse>, Status> {
        let changed = self.switch(&call.get_ref().datacenter, false).await?;
        Ok(Response::new(proto::RestoreLinkResponse { changed }))
    }

    #[instrument(skip_all)]
    async fn list_heals(
        &self,
        call: Request<proto::ListHealsRequest>,
    ) -> Result<Response<proto::ListHealsResponse>, Status> {
        Ok(Response::new(self.heals(call.get_ref())?))
    }

    #[instrument(skip_all)]
    async fn get_digest(
        &self,
        _call: Request<proto::GetDigestRequest>,
    ) -> Result<Response<proto::GetDigestResponse>, Status> {
        let digest = Bytes::copy_from_slice(&self.context.store.root_digest().0);
        Ok(Response::new(proto::GetDigestResponse { digest }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn compact(&self, call: Request<proto::CompactRequest>) -> Result<Response<proto::CompactResponse>, Status> {
        Ok(Response::new(compact::run(&self.context, call.get_ref()).await?))
    }
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
            catching_up_from: status.catching_up_from.iter().map(ToString::to_string).collect(),
        })
    };
    store.visible().into_iter().filter_map(database).collect()
}

fn link(board: &Board) -> proto::Link {
    let peer = board.peer();
    let mut link = proto::Link {
        datacenter: peer.datacenter.to_string(),
        // A URL without a path is printed with a slash, which nobody wrote.
        address: peer.address.to_string().trim_end_matches('/').to_owned(),
        ..proto::Link::default()
    };
    if let Some((status, _)) = board.status() {
        link.set_state(link_state(status.state));
        link.since_unix_ms = i64::try_from(status.since.0).unwrap_or(i64::MAX);
        link.reason = status.reason.unwrap_or_default();
        link.documents_received = status.documents_received;
    }
    link
}

fn link_state(state: LinkState) -> proto::LinkState {
    match state {
        LinkState::Connecting => proto::LinkState::Connecting,
        LinkState::CatchingUp => proto::LinkState::CatchingUp,
        LinkState::Connected => proto::LinkState::Connected,
        LinkState::Partitioned => proto::LinkState::Partitioned,
        LinkState::Cut => proto::LinkState::Cut,
        LinkState::Refused => proto::LinkState::Refused,
    }
}
