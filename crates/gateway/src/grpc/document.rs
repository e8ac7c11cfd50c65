//! `DocumentService`: reads and writes of documents.

use std::sync::Arc;

use rejoin_api::proto::{self, document_service_server::DocumentService};
use rejoin_document::OnConflict;
use rejoin_store::{Action, Found, Operation, WriteRequest};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{Span, field::Empty, instrument};

use super::error::Failure;
use super::{load, page, request, watch, write};
use crate::node::NodeContext;

/// Serves documents of one node.
pub(super) struct DocumentApi {
    context: NodeContext,
}

impl DocumentApi {
    /// Over the store of `context`.
    pub(super) fn new(context: NodeContext) -> Self {
        Self { context }
    }

    async fn write(&self, database: &str, id: &str, action: Action) -> Result<proto::WriteResult, Failure> {
        let (database, id) = (request::database(database)?, request::id(id)?);
        let request = WriteRequest { database, id, action };
        let written = write::submit(&self.context, Operation::Write(request)).await?;
        Span::current().record("revision", tracing::field::display(&written.revision));
        Ok(write::result(&written))
    }

    fn get(&self, request: &proto::GetDocumentRequest) -> Result<proto::Document, Failure> {
        let (database, id) = (request::database(&request.database)?, request::id(&request.id)?);
        let found = self
            .context
            .store
            .get(&database, &id)?
            .filter(|found| !found.shown.deleted);
        let found = found.ok_or_else(|| Failure::document_not_found(&database, &id))?;
        Span::current().record("revision", tracing::field::display(&found.shown.revision));
        Ok(proto::Document::from_shown(&id, &found.shown, &|replica| {
            self.context.store.datacenter_of(replica)
        }))
    }

    fn list(&self, request: &proto::ListDocumentsRequest) -> Result<proto::ListDocumentsResponse, Failure> {
        let database = request::database(&request.database)?;
        let after = page::after_id(&request.page_token)?;
        let store = &self.context.store;
        let page = store.list(&database, after.as_ref(), page::size(request.page_size))?;
        let document = |found: Found| {
            proto::Document::from_shown(&found.id, &found.shown, &|replica| store.datacenter_of(replica))
        };
        Ok(proto::ListDocumentsResponse {
            documents: page.items.into_iter().map(document).collect(),
            next_page_token: page::next(page.next),
        })
    }
}

#[tonic::async_trait]
impl DocumentService for DocumentApi {
    type WatchChangesStream = ReceiverStream<Result<proto::WatchChangesResponse, Status>>;
    type LoadDocumentsStream = ReceiverStream<Result<proto::LoadDocumentsResponse, Status>>;

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn create_document(
        &self,
        call: Request<proto::CreateDocumentRequest>,
    ) -> Result<Response<proto::CreateDocumentResponse>, Status> {
        let call = call.into_inner();
        let body = request::body(&call.body, &self.context.limits)?;
        let result = self.write(&call.database, &call.id, Action::Create { body }).await?;
        Ok(Response::new(proto::CreateDocumentResponse { result: Some(result) }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn get_document(
        &self,
        call: Request<proto::GetDocumentRequest>,
    ) -> Result<Response<proto::GetDocumentResponse>, Status> {
        let document = self.get(call.get_ref())?;
        Ok(Response::new(proto::GetDocumentResponse {
            document: Some(document),
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn update_document(
        &self,
        call: Request<proto::UpdateDocumentRequest>,
    ) -> Result<Response<proto::UpdateDocumentResponse>, Status> {
        let call = call.into_inner();
        let base = request::base_revision(call.base_revision.as_deref())?;
        let body = request::body(&call.body, &self.context.limits)?;
        let action = Action::Update {
            body,
            base,
            on_conflict: OnConflict::Refuse,
        };
        let result = self.write(&call.database, &call.id, action).await?;
        Ok(Response::new(proto::UpdateDocumentResponse { result: Some(result) }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn delete_document(
        &self,
        call: Request<proto::DeleteDocumentRequest>,
    ) -> Result<Response<proto::DeleteDocumentResponse>, Status> {
        let call = call.into_inner();
        let base = request::base_revision(call.base_revision.as_deref())?;
        let result = self.write(&call.database, &call.id, Action::Delete { base }).await?;
        Ok(Response::new(proto::DeleteDocumentResponse { result: Some(result) }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_documents(
        &self,
        call: Request<proto::ListDocumentsRequest>,
    ) -> Result<Response<proto::ListDocumentsResponse>, Status> {
        Ok(Response::new(self.list(call.get_ref())?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn watch_changes(
        &self,
        call: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        Ok(Response::new(watch::start(&self.context, call.get_ref())?))
    }

    async fn load_documents(
        &self,
        call: Request<Streaming<proto::LoadDocumentsRequest>>,
    ) -> Result<Response<Self::LoadDocumentsStream>, Status> {
        Ok(Response::new(load::start(
            &Arc::new(self.context.clone()),
            call.into_inner(),
        )))
    }
}
