//! `ConflictService`: what a merge could not decide.

use rejoin_api::proto::{self, conflict_service_server::ConflictService};
use rejoin_api::{ConflictRoom, page_token};
use rejoin_store::Conflicted;
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use tracing::instrument;

use super::error::Failure;
use super::{page, request, resolve, session, waiting};
use crate::node::{NodeContext, long_read};

/// Serves the open conflicts of one node.
pub(super) struct ConflictApi {
    context: NodeContext,
}

impl ConflictApi {
    /// Over the store of `context`.
    pub(super) fn new(context: NodeContext) -> Self {
        Self { context }
    }

    async fn list(
        &self,
        request: &proto::ListConflictsRequest,
        deadline: Option<Instant>,
    ) -> Result<proto::ListConflictsResponse, Failure> {
        let store = &self.context.store;
        let database = session::database(&self.context, &request.database, request.options.as_ref(), deadline).await?;
        let after = page_token::after_id(&request.page_token)?;
        let (filter, size) = (resolve::filter(request.filter.as_ref())?, page::size(request.page_size));
        let reading = session::before_read(&self.context, &database, request.options.as_ref(), deadline).await?;
        let page = long_read(|| store.conflicts(&database, &filter, after.as_ref(), size))?;
        let datacenter_of = |replica| store.datacenter_of(replica);
        let mut room = ConflictRoom::default();
        let document = |found: Conflicted| {
            proto::DocumentConflicts::from_shown(&found.id, &found.shown, &datacenter_of, &mut room)
        };
        Ok(proto::ListConflictsResponse {
            documents: page.items.into_iter().map(document).collect(),
            next_page_token: page_token::next(page.next),
            state: Some(reading.after_read(&page.context)),
        })
    }

    async fn get(
        &self,
        request: &proto::GetConflictsRequest,
        deadline: Option<Instant>,
    ) -> Result<proto::GetConflictsResponse, Failure> {
        let store = &self.context.store;
        let database = session::database(&self.context, &request.database, request.options.as_ref(), deadline).await?;
        let id = request::id(&request.id)?;
        let reading = session::before_read(&self.context, &database, request.options.as_ref(), deadline).await?;
        let (shown, seen) = match store.get(&database, &id)? {
            Some(found) if !found.shown.deleted => (found.shown, found.context),
            found => {
                let seen = found.map(|found| found.context).unwrap_or_default();
                return Err(reading.refused(Failure::document_not_found(&database, &id), &seen));
            }
        };
        let base = long_read(|| store.common_base(&database, &id))?;
        let base = base.and_then(|base| {
            Some(proto::RevisionBase {
                revision: base.revision?.to_string(),
                body: base.body?.to_json().into(),
            })
        });
        let datacenter_of = |replica| store.datacenter_of(replica);
        let document = proto::DocumentConflicts::from_shown(&id, &shown, &datacenter_of, &mut ConflictRoom::default());
        Ok(proto::GetConflictsResponse {
            document: Some(document),
            body: shown.body.to_json().into(),
            base,
            state: Some(reading.after_read(&seen)),
        })
    }
}

#[tonic::async_trait]
impl ConflictService for ConflictApi {
    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_conflicts(
        &self,
        call: Request<proto::ListConflictsRequest>,
    ) -> Result<Response<proto::ListConflictsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(self.list(call.get_ref(), deadline).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn get_conflicts(
        &self,
        call: Request<proto::GetConflictsRequest>,
    ) -> Result<Response<proto::GetConflictsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(self.get(call.get_ref(), deadline).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn resolve_conflicts(
        &self,
        call: Request<proto::ResolveConflictsRequest>,
    ) -> Result<Response<proto::ResolveConflictsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            resolve::document(&self.context, call.into_inner(), deadline).await?,
        ))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn bulk_resolve_conflicts(
        &self,
        call: Request<proto::BulkResolveConflictsRequest>,
    ) -> Result<Response<proto::BulkResolveConflictsResponse>, Status> {
        Ok(Response::new(resolve::many(&self.context, call.get_ref()).await?))
    }
}
