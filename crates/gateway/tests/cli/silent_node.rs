//! A node that answers some documents of a load and then says nothing more: what a load makes of it can be counted.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rejoin_api::proto::conflict_service_server::{ConflictService, ConflictServiceServer};
use rejoin_api::proto::document_service_server::{DocumentService, DocumentServiceServer};
use rejoin_api::proto::load_documents_response::Outcome;
use rejoin_api::proto::{self, LoadDocumentsResponse, WriteResult};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

use super::node::rejoin;

/// The node, for as long as its test lasts.
pub(crate) struct SilentNode {
    address: SocketAddr,
    arrived: Arc<AtomicU64>,
    _runtime: Runtime,
}

impl SilentNode {
    /// Stores the first `stored` documents of a load, refuses the next one, and is silent from then on.
    pub(crate) fn start(stored: u64) -> Self {
        let runtime = Runtime::new().expect("the system gives threads");
        let arrived = Arc::default();
        let services = Services {
            stored,
            arrived: Arc::clone(&arrived),
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = tonic::transport::Server::builder()
            .add_service(ConflictServiceServer::new(services.clone()))
            .add_service(DocumentServiceServer::new(services));
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self {
            address,
            arrived,
            _runtime: runtime,
        }
    }

    /// Documents of loads that have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// A client command on this node that is not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rejoin();
        command
            .args(arguments)
            .env("REJOIN_ADDRESS", format!("http://{}", self.address));
        command
    }
}

#[derive(Clone)]
struct Services {
    stored: u64,
    arrived: Arc<AtomicU64>,
}

impl Services {
    /// What becomes of the document that came as number `count`.
    fn outcome(&self, count: u64) -> Option<Outcome> {
        let result = WriteResult {
            revision: "1-23202479633c2b380f79507a776743d5".to_owned(),
            dot: Some(proto::Dot {
                time: 1,
                replica: (&b"replica1"[..]).into(),
            }),
            checksum: 7,
            merged: false,
            ..proto::WriteResult::default()
        };
        let error = proto::WriteError {
            reason: "COUNTER_NOT_INTEGER".to_owned(),
            message: "not an integer".to_owned(),
            ..proto::WriteError::default()
        };
        match count {
            _ if count <= self.stored => Some(Outcome::Result(result)),
            _ if count == self.stored + 1 => Some(Outcome::Error(error)),
            _ => None,
        }
    }
}

#[tonic::async_trait]
impl ConflictService for Services {
    async fn list_conflicts(
        &self,
        _: Request<proto::ListConflictsRequest>,
    ) -> Result<Response<proto::ListConflictsResponse>, Status> {
        Ok(Response::new(proto::ListConflictsResponse::default()))
    }

    async fn get_conflicts(
        &self,
        _: Request<proto::GetConflictsRequest>,
    ) -> Result<Response<proto::GetConflictsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn resolve_conflicts(
        &self,
        _: Request<proto::ResolveConflictsRequest>,
    ) -> Result<Response<proto::ResolveConflictsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn bulk_resolve_conflicts(
        &self,
        _: Request<proto::BulkResolveConflictsRequest>,
    ) -> Result<Response<proto::BulkResolveConflictsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}

#[tonic::async_trait]
impl DocumentService for Services {
    type WatchChangesStream = ReceiverStream<Result<proto::WatchChangesResponse, Status>>;
    type LoadDocumentsStream = ReceiverStream<Result<LoadDocumentsResponse, Status>>;
    type ExportDocumentsStream = ReceiverStream<Result<proto::ExportDocumentsResponse, Status>>;

    async fn load_documents(
        &self,
        request: Request<Streaming<proto::LoadDocumentsRequest>>,
    ) -> Result<Response<Self::LoadDocumentsStream>, Status> {
        let (answers, receiver) = mpsc::channel(1);
        let (this, mut requests) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                let count = this.arrived.fetch_add(1, Ordering::Relaxed) + 1;
                if let Some(outcome) = this.outcome(count) {
                    let (id, outcome) = (request.id, Some(outcome));
                    // A client that is gone is what these tests are about.
                    let _ = answers.send(Ok(LoadDocumentsResponse { id, outcome })).await;
                }
            }
            answers.closed().await;
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn create_document(
        &self,
        _: Request<proto::CreateDocumentRequest>,
    ) -> Result<Response<proto::CreateDocumentResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn get_document(
        &self,
        _: Request<proto::GetDocumentRequest>,
    ) -> Result<Response<proto::GetDocumentResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn update_document(
        &self,
        _: Request<proto::UpdateDocumentRequest>,
    ) -> Result<Response<proto::UpdateDocumentResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn patch_document(
        &self,
        _: Request<proto::PatchDocumentRequest>,
    ) -> Result<Response<proto::PatchDocumentResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn compare_and_swap(
        &self,
        _: Request<proto::CompareAndSwapRequest>,
    ) -> Result<Response<proto::CompareAndSwapResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn compare_and_delete(
        &self,
        _: Request<proto::CompareAndDeleteRequest>,
    ) -> Result<Response<proto::CompareAndDeleteResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn delete_document(
        &self,
        _: Request<proto::DeleteDocumentRequest>,
    ) -> Result<Response<proto::DeleteDocumentResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn list_documents(
        &self,
        _: Request<proto::ListDocumentsRequest>,
    ) -> Result<Response<proto::ListDocumentsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn watch_changes(
        &self,
        _: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn batch_get_documents(
        &self,
        _: Request<proto::BatchGetDocumentsRequest>,
    ) -> Result<Response<proto::BatchGetDocumentsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn write_batch(
        &self,
        _: Request<proto::WriteBatchRequest>,
    ) -> Result<Response<proto::WriteBatchResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn list_revisions(
        &self,
        _: Request<proto::ListRevisionsRequest>,
    ) -> Result<Response<proto::ListRevisionsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn diff_revisions(
        &self,
        _: Request<proto::DiffRevisionsRequest>,
    ) -> Result<Response<proto::DiffRevisionsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn restore_revision(
        &self,
        _: Request<proto::RestoreRevisionRequest>,
    ) -> Result<Response<proto::RestoreRevisionResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn export_documents(
        &self,
        _: Request<proto::ExportDocumentsRequest>,
    ) -> Result<Response<Self::ExportDocumentsStream>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
