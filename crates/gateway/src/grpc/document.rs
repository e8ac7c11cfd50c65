//! `DocumentService`: reads and writes of documents.

use std::sync::Arc;

use bytes::Bytes;
use rejoin_api::ConflictRoom;
use rejoin_api::proto::{self, document_service_server::DocumentService};
use rejoin_document::{DatabaseName, DocumentId, Revision, Shown, VersionVector};
use rejoin_store::Operation;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{Span, field::Empty, instrument};

use super::action::Asked;
use super::answers::Answers;
use super::error::Failure;
use super::{action, batch, batch_get, export, guarded, history, list, load, request, session, waiting, watch, write};
use crate::node::NodeContext;

/// Serves documents of one node.
pub(super) struct DocumentApi {
    context: NodeContext,
}

/// What became of a compare-and-swap: the write, if it matched, and what was there before.
struct Compared {
    result: Option<proto::WriteResult>,
    previous: Option<proto::Version>,
    session_token: Bytes,
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
        (options, deadline): (Option<&proto::WriteOptions>, Option<Instant>),
    ) -> Result<(proto::WriteResult, Option<proto::Version>), Failure> {
        let database = request::database(&self.context.store, database)?;
        let (name, id) = (action::request_name(options, 0)?, asked.id().clone());
        let options = write::Options::new(&self.context, database.clone(), options, deadline)?;
        let operation = Operation::Write(asked.into_request(database, name));
        let written = write::submit(&self.context, operation).await;
        let written = written.map_err(|error| options.refused(&id, error.into()))?;
        Span::current().record("revision", tracing::field::display(&written.revision));
        let before = written.previous.as_ref().map(write::version);
        Ok((options.result(&written).await, before))
    }

    /// What became of a compare-and-swap.
    async fn compare(
        &self,
        database: &str,
        asked: Asked,
        (options, deadline): (Option<&proto::WriteOptions>, Option<Instant>),
    ) -> Result<Compared, Failure> {
        let database = request::database(&self.context.store, database)?;
        let (name, id) = (action::request_name(options, 0)?, asked.id().clone());
        let options = write::Options::new(&self.context, database.clone(), options, deadline)?;
        let operation = Operation::Write(asked.into_request(database, name));
        let compared = write::compare(&self.context, operation).await;
        Ok(match compared.map_err(|error| options.refused(&id, error.into()))? {
            Ok(written) => {
                let result = options.result(&written).await;
                Compared {
                    session_token: result.session_token.clone(),
                    result: Some(result),
                    previous: written.previous.as_ref().map(write::version),
                }
            }
            Err(version) => Compared {
                session_token: options.token_of(&id),
                result: None,
                previous: Some(write::version(&version)),
            },
        })
    }

    async fn get(
        &self,
        request: &proto::GetDocumentRequest,
        deadline: Option<Instant>,
    ) -> Result<proto::GetDocumentResponse, Failure> {
        let options = request.options.as_ref();
        let (database, id) = (
            session::database(&self.context, &request.database, options, deadline).await?,
            request::id(&request.id)?,
        );
        let revision = request::revision(request.revision.as_deref())?;
        let reading = session::before_read(&self.context, &database, options, deadline).await?;
        let found = self.context.store.get(&database, &id)?;
        let current = found.as_ref().filter(|found| !found.shown.deleted);
        let (document, seen) = match (revision, current) {
            (Some(revision), current) if current.is_none_or(|current| current.shown.revision != revision) => {
                let old = self.get_old(&database, &id, &revision);
                match old {
                    Ok(old) => old,
                    Err(failure) => {
                        let seen = found.map(|found| found.context).unwrap_or_default();
                        return Err(reading.refused(failure, &seen));
                    }
                }
            }
            (_, Some(current)) => {
                Span::current().record("revision", tracing::field::display(&current.shown.revision));
                (self.document(&id, &current.shown), current.context.clone())
            }
            (_, None) => {
                let seen = found.map(|found| found.context).unwrap_or_default();
                return Err(reading.refused(Failure::document_not_found(&database, &id), &seen));
            }
        };
        Ok(proto::GetDocumentResponse {
            document: Some(document),
            state: Some(reading.after_read(&seen)),
        })
    }

    /// A revision that was superseded and is still kept, and what its reader has seen.
    fn get_old(
        &self,
        database: &DatabaseName,
        id: &DocumentId,
        revision: &Revision,
    ) -> Result<(proto::Document, VersionVector), Failure> {
        let base = self.context.store.base(database, id, revision)?;
        let base = base.ok_or_else(|| Failure::revision_not_found(id, revision))?;
        let shown = Shown {
            revision: revision.clone(),
            deleted: base.body.is_none(),
            body: base.body.unwrap_or_default(),
            conflicts: Vec::new(),
        };
        Ok((self.document(id, &shown), base.context))
    }

    /// The only document of an answer.
    fn document(&self, id: &DocumentId, shown: &Shown) -> proto::Document {
        let datacenter_of = |replica| self.context.store.datacenter_of(replica);
        proto::Document::from_shown(id, shown, &datacenter_of, &mut ConflictRoom::default())
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
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let asked = action::create(&call, &self.context.limits())?;
        let (result, _) = self
            .write(&call.database, asked, (call.options.as_ref(), deadline))
            .await?;
        Ok(Response::new(proto::CreateDocumentResponse { result: Some(result) }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn get_document(
        &self,
        call: Request<proto::GetDocumentRequest>,
    ) -> Result<Response<proto::GetDocumentResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(self.get(call.get_ref(), deadline).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn update_document(
        &self,
        call: Request<proto::UpdateDocumentRequest>,
    ) -> Result<Response<proto::UpdateDocumentResponse>, Status> {
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let asked = action::update(&call, &self.context.limits())?;
        let options = call.options.as_ref();
        let written = self.write(&call.database, asked, (options, deadline)).await;
        Ok(Response::new(match write::answered(written, options)? {
            Ok((result, previous)) => proto::UpdateDocumentResponse {
                result: Some(result),
                previous,
                refused: None,
            },
            Err(refused) => proto::UpdateDocumentResponse {
                refused: Some(refused),
                ..Default::default()
            },
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn patch_document(
        &self,
        call: Request<proto::PatchDocumentRequest>,
    ) -> Result<Response<proto::PatchDocumentResponse>, Status> {
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let asked = action::patch(&call, &self.context.limits())?;
        let options = call.options.as_ref();
        let written = self.write(&call.database, asked, (options, deadline)).await;
        Ok(Response::new(match write::answered(written, options)? {
            Ok((result, previous)) => proto::PatchDocumentResponse {
                result: Some(result),
                previous,
                refused: None,
            },
            Err(refused) => proto::PatchDocumentResponse {
                refused: Some(refused),
                ..Default::default()
            },
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn compare_and_swap(
        &self,
        call: Request<proto::CompareAndSwapRequest>,
    ) -> Result<Response<proto::CompareAndSwapResponse>, Status> {
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let asked = action::compare_and_swap(&call, &self.context.limits())?;
        let options = (call.options.as_ref(), deadline);
        let compared = self.compare(&call.database, asked, options).await?;
        Ok(Response::new(proto::CompareAndSwapResponse {
            matched: compared.result.is_some(),
            result: compared.result,
            previous: compared.previous,
            session_token: compared.session_token,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn delete_document(
        &self,
        call: Request<proto::DeleteDocumentRequest>,
    ) -> Result<Response<proto::DeleteDocumentResponse>, Status> {
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let asked = action::delete(&call)?;
        let options = call.options.as_ref();
        let written = self.write(&call.database, asked, (options, deadline)).await;
        Ok(Response::new(match write::answered(written, options)? {
            Ok((result, previous)) => proto::DeleteDocumentResponse {
                result: Some(result),
                previous,
                refused: None,
            },
            Err(refused) => proto::DeleteDocumentResponse {
                refused: Some(refused),
                ..Default::default()
            },
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database, document_id = %call.get_ref().id, revision = Empty))]
    async fn compare_and_delete(
        &self,
        call: Request<proto::CompareAndDeleteRequest>,
    ) -> Result<Response<proto::CompareAndDeleteResponse>, Status> {
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let asked = action::compare_and_delete(&call, &self.context.limits())?;
        let options = (call.options.as_ref(), deadline);
        let compared = self.compare(&call.database, asked, options).await?;
        Ok(Response::new(proto::CompareAndDeleteResponse {
            matched: compared.result.is_some(),
            result: compared.result,
            previous: compared.previous,
            session_token: compared.session_token,
        }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_documents(
        &self,
        call: Request<proto::ListDocumentsRequest>,
    ) -> Result<Response<proto::ListDocumentsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            list::list(&self.context, call.get_ref(), deadline).await?,
        ))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn watch_changes(
        &self,
        call: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            watch::start(&self.context, call.get_ref(), deadline).await?,
        ))
    }

    async fn load_documents(
        &self,
        call: Request<Streaming<proto::LoadDocumentsRequest>>,
    ) -> Result<Response<Self::LoadDocumentsStream>, Status> {
        let who = guarded::principal(&call)?;
        let context = Arc::new(self.context.clone());
        Ok(Response::new(load::start(&context, who, call.into_inner())))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn batch_get_documents(
        &self,
        call: Request<proto::BatchGetDocumentsRequest>,
    ) -> Result<Response<proto::BatchGetDocumentsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            batch_get::get(&self.context, call.get_ref(), deadline).await?,
        ))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn write_batch(
        &self,
        call: Request<proto::WriteBatchRequest>,
    ) -> Result<Response<proto::WriteBatchResponse>, Status> {
        let (deadline, call) = (waiting::deadline(call.metadata()), call.into_inner());
        let options = call.options.clone();
        let written = batch::write(&self.context, call, deadline).await;
        let answer = write::answered(written, options.as_ref())?;
        Ok(Response::new(answer.unwrap_or_else(|refused| {
            proto::WriteBatchResponse {
                refused: Some(refused),
                ..Default::default()
            }
        })))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn export_documents(
        &self,
        call: Request<proto::ExportDocumentsRequest>,
    ) -> Result<Response<Self::ExportDocumentsStream>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            export::start(&self.context, call.get_ref(), deadline).await?,
        ))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn list_revisions(
        &self,
        call: Request<proto::ListRevisionsRequest>,
    ) -> Result<Response<proto::ListRevisionsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            history::list(&self.context, call.get_ref(), deadline).await?,
        ))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn diff_revisions(
        &self,
        call: Request<proto::DiffRevisionsRequest>,
    ) -> Result<Response<proto::DiffRevisionsResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            history::diff(&self.context, call.get_ref(), deadline).await?,
        ))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().database))]
    async fn restore_revision(
        &self,
        call: Request<proto::RestoreRevisionRequest>,
    ) -> Result<Response<proto::RestoreRevisionResponse>, Status> {
        let deadline = waiting::deadline(call.metadata());
        Ok(Response::new(
            history::restore(&self.context, call.into_inner(), deadline).await?,
        ))
    }
}
