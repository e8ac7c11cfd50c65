//! `DocumentService`: reads and writes of documents.

use std::sync::Arc;

use rejoin_api::proto::{self, document_service_server::DocumentService};
use rejoin_document::{Checksum, DatabaseName, DocumentId, Revision};
use rejoin_store::Operation;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{Span, field::Empty, instrument};

use super::action::Asked;
use super::answers::Answers;
use super::error::Failure;
use super::{action, batch, batch_get, export, history, list, load, request, watch, write};
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

    /// What was stored, and what was there before if that was asked for.
    async fn write(
        &self,
        database: &str,
        asked: Asked,
        options: Option<&proto::WriteOptions>,
    ) -> Result<(proto::WriteResult, Option<proto::Version>), Failure> {
        let (database, previous) = (request::database(&self.context.store, database)?, asked.return_previous);
        let operation = Operation::Write(asked.into_request(database, action::request_name(options, 0)?));
        let written = write::submit(&self.context, operation).await?;
        Span::current().record("revision", tracing::field::display(&written.revision));
        let before = written.previous.as_ref().filter(|_| previous);
        Ok((write::result(&written), before.map(write::version)))
    }

    /// The result of a compare-and-swap, if it matched, and what was there before.
    async fn compare(
        &self,
        database: &str,
        asked: Asked,
        options: Option<&proto::WriteOptions>,
    ) -> Result<(Option<proto::WriteResult>, Option<proto::Version>), Failure> {
        let database = request::database(&self.context.store, database)?;
        let operation = Operation::Write(asked.into_request(database, action::request_name(options, 0)?));
        Ok(match write::compare(&self.context, operation).await? {
            Ok(written) => (
                Some(write::result(&written)),
                written.previous.as_ref().map(write::version),
            ),
            Err(version) => (None, Some(write::version(&version))),
        })
    }

    fn get(&self, request: &proto::GetDocumentRequest) -> Result<proto::Document, Failure> {
        let (database, id) = (
            request::database(&self.context.store, &request.database)?,
            request::id(&request.id)?,
        );
        let revision = request::revision(request.revision.as_deref())?;
        let found = self.context.store.get(&database, &id)?;
        let current = found.as_ref().filter(|found| !found.shown.deleted);
        match revision {
            Some(revision) if current.is_none_or(|current| current.shown.revision != revision) => {
                self.get_old(&database, &id, &revision)
            }
            _ => {
                let found = current.ok_or_else(|| Failure::document_not_found(&database, &id))?;
                Span::current().record("revision", tracing::field::display(&found.shown.revision));
                Ok(proto::Document::from_shown(&id, &found.shown, &|replica| {
                    self.context.store.datacenter_of(replica)
                }))
            }
        }
    }

    /// A revision that was superseded and is still kept.
    fn get_old(
        &self,
        database: &DatabaseName,
        id: &DocumentId,
        revision: &Revision,
    ) -> Result<proto::Document, Failure> {
        let base = self.context.store.base(database, id, revision)?;
        let base = base.ok_or_else(|| Failure::revision_not_found(id, revision))?;
        let body = base.body.unwrap_or_default();
        Ok(proto::Document {
            id: id.to_string(),
            revision: revision.to_string(),
            deleted: false,
            checksum: Checksum::of(&body).0,
            body: body.to_json().into(),
            conflicts: Vec::new(),
        })
    }
}

#[tonic::async_trait]
impl DocumentService for DocumentApi {
    type WatchChangesStream = Answers<proto::WatchChangesResponse>;
    type LoadDocumentsStream = ReceiverStream<Result<proto::LoadDocumentsResponse, Status>>;
    type ExportDocumentsStream = Answers<proto::ExportDocumentsResponse>;

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn create_document(
        &self,
        call: Request<proto::CreateDocumentRequest>,
    ) -> Result<Response<proto::CreateDocumentResponse>, Status> {
        let call = call.into_inner();
        let asked = action::create(&call, &self.context.limits)?;
        let (result, _) = self.write(&call.database, asked, call.options.as_ref()).await?;
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
            state: None,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn update_document(
        &self,
        call: Request<proto::UpdateDocumentRequest>,
    ) -> Result<Response<proto::UpdateDocumentResponse>, Status> {
        let call = call.into_inner();
        let asked = action::update(&call, &self.context.limits)?;
        let (result, previous) = self.write(&call.database, asked, call.options.as_ref()).await?;
        Ok(Response::new(proto::UpdateDocumentResponse {
            result: Some(result),
            previous,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn patch_document(
        &self,
        call: Request<proto::PatchDocumentRequest>,
    ) -> Result<Response<proto::PatchDocumentResponse>, Status> {
        let call = call.into_inner();
        let asked = action::patch(&call, &self.context.limits)?;
        let (result, previous) = self.write(&call.database, asked, call.options.as_ref()).await?;
        Ok(Response::new(proto::PatchDocumentResponse {
            result: Some(result),
            previous,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn compare_and_swap(
        &self,
        call: Request<proto::CompareAndSwapRequest>,
    ) -> Result<Response<proto::CompareAndSwapResponse>, Status> {
        let call = call.into_inner();
        let asked = action::compare_and_swap(&call, &self.context.limits)?;
        let (result, previous) = self.compare(&call.database, asked, call.options.as_ref()).await?;
        Ok(Response::new(proto::CompareAndSwapResponse {
            matched: result.is_some(),
            result,
            previous,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn delete_document(
        &self,
        call: Request<proto::DeleteDocumentRequest>,
    ) -> Result<Response<proto::DeleteDocumentResponse>, Status> {
        let call = call.into_inner();
        let asked = action::delete(&call)?;
        let (result, previous) = self.write(&call.database, asked, call.options.as_ref()).await?;
        Ok(Response::new(proto::DeleteDocumentResponse {
            result: Some(result),
            previous,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn compare_and_delete(
        &self,
        call: Request<proto::CompareAndDeleteRequest>,
    ) -> Result<Response<proto::CompareAndDeleteResponse>, Status> {
        let call = call.into_inner();
        let asked = action::compare_and_delete(&call, &self.context.limits)?;
        let (result, previous) = self.compare(&call.database, asked, call.options.as_ref()).await?;
        Ok(Response::new(proto::CompareAndDeleteResponse {
            matched: result.is_some(),
            result,
            previous,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_documents(
        &self,
        call: Request<proto::ListDocumentsRequest>,
    ) -> Result<Response<proto::ListDocumentsResponse>, Status> {
        Ok(Response::new(list::list(&self.context, call.get_ref())?))
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

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn batch_get_documents(
        &self,
        call: Request<proto::BatchGetDocumentsRequest>,
    ) -> Result<Response<proto::BatchGetDocumentsResponse>, Status> {
        Ok(Response::new(batch_get::get(&self.context, call.get_ref()).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn write_batch(
        &self,
        call: Request<proto::WriteBatchRequest>,
    ) -> Result<Response<proto::WriteBatchResponse>, Status> {
        Ok(Response::new(batch::write(&self.context, call.into_inner()).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn export_documents(
        &self,
        call: Request<proto::ExportDocumentsRequest>,
    ) -> Result<Response<Self::ExportDocumentsStream>, Status> {
        Ok(Response::new(export::start(&self.context, call.get_ref()).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_revisions(
        &self,
        call: Request<proto::ListRevisionsRequest>,
    ) -> Result<Response<proto::ListRevisionsResponse>, Status> {
        Ok(Response::new(history::list(&self.context, call.get_ref())?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn diff_revisions(
        &self,
        call: Request<proto::DiffRevisionsRequest>,
    ) -> Result<Response<proto::DiffRevisionsResponse>, Status> {
        Ok(Response::new(history::diff(&self.context, call.get_ref())?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn restore_revision(
        &self,
        call: Request<proto::RestoreRevisionRequest>,
    ) -> Result<Response<proto::RestoreRevisionResponse>, Status> {
        Ok(Response::new(history::restore(&self.context, call.into_inner()).await?))
    }
}
