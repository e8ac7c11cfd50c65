//! `AdminService`: what operators ask a node.

use std::time::Duration;

use bytes::Bytes;
use rejoin_api::page_token;
use rejoin_api::proto::{self, admin_service_server::AdminService};
use rejoin_store::{Operation, Outcome};
use tonic::{Request, Response, Status};
use tracing::instrument;

use super::error::Failure;
use super::{backup, compact, membership, page, quarantine, request, status, verify};
use crate::links::decode_heal;
use crate::node::{NodeContext, long_read};

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

    /// The store comes first: a cut that was acknowledged holds after a crash. Once it is acknowledged nothing crosses the
    /// links any more.
    async fn switch(&self, datacenter: &str, cut: bool) -> Result<bool, Failure> {
        let peer = request::datacenter(datacenter)?;
        let board = self
            .context
            .links
            .hub
            .board(&peer)
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
        Ok(Response::new(status::read(&self.context)?))
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

    #[instrument(skip_all, fields(peer = %call.get_ref().datacenter))]
    async fn verify(&self, call: Request<proto::VerifyRequest>) -> Result<Response<proto::VerifyResponse>, Status> {
        Ok(Response::new(verify::run(&self.context, call.get_ref()).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_quarantine(
        &self,
        call: Request<proto::ListQuarantineRequest>,
    ) -> Result<Response<proto::ListQuarantineResponse>, Status> {
        let listed = long_read(|| quarantine::list(&self.context.store, call.get_ref()));
        Ok(Response::new(listed?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn retry_quarantine(
        &self,
        call: Request<proto::RetryQuarantineRequest>,
    ) -> Result<Response<proto::RetryQuarantineResponse>, Status> {
        let retried = quarantine::try_again(&self.context, call.get_ref()).await?;
        Ok(Response::new(retried))
    }

    #[instrument(skip_all, fields(backup = %call.get_ref().name))]
    async fn create_backup(
        &self,
        call: Request<proto::CreateBackupRequest>,
    ) -> Result<Response<proto::CreateBackupResponse>, Status> {
        let made = backup::create(&self.context, call.get_ref()).await?;
        Ok(Response::new(made))
    }

    #[instrument(skip_all)]
    async fn list_datacenters(
        &self,
        _call: Request<proto::ListDatacentersRequest>,
    ) -> Result<Response<proto::ListDatacentersResponse>, Status> {
        Ok(Response::new(membership::list(&self.context)))
    }

    #[instrument(skip_all, fields(peer = %call.get_ref().name))]
    async fn add_datacenter(
        &self,
        call: Request<proto::AddDatacenterRequest>,
    ) -> Result<Response<proto::AddDatacenterResponse>, Status> {
        Ok(Response::new(membership::add(&self.context, call.get_ref()).await?))
    }

    #[instrument(skip_all, fields(peer = %call.get_ref().name))]
    async fn retire_datacenter(
        &self,
        call: Request<proto::RetireDatacenterRequest>,
    ) -> Result<Response<proto::RetireDatacenterResponse>, Status> {
        Ok(Response::new(membership::retire(&self.context, call.get_ref()).await?))
    }

    #[instrument(skip_all)]
    async fn list_backups(
        &self,
        _call: Request<proto::ListBackupsRequest>,
    ) -> Result<Response<proto::ListBackupsResponse>, Status> {
        let listed = long_read(|| backup::list(&self.context));
        Ok(Response::new(listed?))
    }
}
