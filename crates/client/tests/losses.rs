//! What a client makes of a node that answers late, partly or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rejoin_api::proto::document_service_server::{DocumentService, DocumentServiceServer};
use rejoin_api::proto::load_documents_response::Outcome;
use rejoin_api::proto::{self, LoadDocumentsResponse};
use rejoin_client::{Bytes, CallError, Client, ClientOptions, LoadSendError};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

const REVISION: &str = "1-23202479633c2b380f79507a776743d5";

/// How long the client waits for an answer.
const DEADLINE: Duration = Duration::from_millis(300);

/// A node whose databases are named for what happens in them.
#[derive(Clone, Default)]
struct FakeNode {
    /// Documents of a load that have arrived.
    arrived: Arc<AtomicU64>,
    /// Calls of `GetDocument`.
    gets: Arc<AtomicU64>,
}

impl FakeNode {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = DocumentServiceServer::new(self.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    async fn client(&self) -> Client {
        let options = ClientOptions {
            deadline: DEADLINE,
            backoff_min: Duration::from_millis(1),
            load_window_kib: 8,
            ..ClientOptions::default()
        };
        Client::with_options(&format!("http://{}", self.start().await), options).unwrap()
    }
}

fn result() -> proto::WriteResult {
    let dot = proto::Dot {
        time: 1,
        replica: Bytes::from_static(b"replica1"),
    };
    proto::WriteResult {
        revision: REVISION.to_owned(),
        dot: Some(dot),
        checksum: 7,
        merged: false,
        ..proto::WriteResult::default()
    }
}

#[tonic::async_trait]
impl DocumentService for FakeNode {
    type WatchChangesStream = ReceiverStream<Result<proto::WatchChangesResponse, Status>>;
    type LoadDocumentsStream = ReceiverStream<Result<LoadDocumentsResponse, Status>>;
    type ExportDocumentsStream = ReceiverStream<Result<proto::ExportDocumentsResponse, Status>>;

    async fn get_document(
        &self,
        request: Request<proto::GetDocumentRequest>,
    ) -> Result<Response<proto::GetDocumentResponse>, Status> {
        let call = self.gets.fetch_add(1, Ordering::Relaxed) + 1;
        match request.get_ref().database.as_str() {
            "third_time" if call < 3 => Err(Status::unavailable("starting")),
            "third_time" => {
                let document = proto::Document {
                    id: "a".to_owned(),
                    revision: REVISION.to_owned(),
                    body: Bytes::from_static(b"{}"),
                    ..proto::Document::default()
                };
                Ok(Response::new(proto::GetDocumentResponse {
                    document: Some(document),
                    ..proto::GetDocumentResponse::default()
                }))
            }
            "empty" => Ok(Response::new(proto::GetDocumentResponse::default())),
            _ => std::future::pending().await,
        }
    }

    async fn update_document(
        &self,
        _: Request<proto::UpdateDocumentRequest>,
    ) -> Result<Response<proto::UpdateDocumentResponse>, Status> {
        std::future::pending().await
    }

    async fn load_documents(
        &self,
        request: Request<Streaming<proto::LoadDocumentsRequest>>,
    ) -> Result<Response<Self::LoadDocumentsStream>, Status> {
        let mut requests = request.into_inner();
        let arrived = Arc::clone(&self.arrived);
        // A node may look at the first document before it answers at all.
        let mut next = requests.message().await?;
        let (answers, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            while let Some(request) = next {
                let count = arrived.fetch_add(1, Ordering::Relaxed) + 1;
                match request.database.as_str() {
                    "silent" => {}
                    "breaks" if count > 3 => return,
                    _ => {
                        let outcome = Some(Outcome::Result(result()));
                        let answer = LoadDocumentsResponse {
                            id: request.id,
                            outcome,
                        };
                        if answers.send(Ok(answer)).await.is_err() {
                            return;
                        }
                    }
                }
                next = requests.message().await.unwrap_or(None);
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn create_document(
        &self,
        _: Request<proto::CreateDocumentRequest>,
    ) -> Result<Response<proto::CreateDocumentResponse>, Status> {
        Err(Status::internal("a node that fell over"))
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

#[tokio::test]
async fn a_read_is_repeated_until_the_node_is_up() {
    let node = FakeNode::default();
    let document = node.client().await.get("third_time", "a").await.unwrap();
    assert_eq!(document.revision.to_string(), REVISION);
    assert_eq!(node.gets.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_a_read_is_not() {
    let client = FakeNode::default().client().await;
    let error = client
        .update("silent", "a", Bytes::from_static(b"{}"), None)
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    let error = client
        .create("silent", "a", Bytes::from_static(b"{}"))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    let error = client.get("silent", "a").await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_its_parts_is_a_protocol_error() {
    let error = FakeNode::default().client().await.get("empty", "a").await.unwrap_err();
    assert!(matches!(error, CallError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn a_load_is_answered_in_order_with_a_bounded_window() {
    let client = FakeNode::default().client().await;
    let (sender, mut outcomes) = client.load("answers");
    // Each document takes the whole window or more, and there are many more of them than fit.
    let sending = tokio::spawn(async move {
        for tag in 0..50 {
            sender
                .send(tag, format!("id{tag}"), Bytes::from(vec![b' '; 9 * 1024]))
                .await
                .unwrap();
        }
    });
    for tag in 0..50 {
        let outcome = outcomes.next().await.unwrap().unwrap();
        assert_eq!((outcome.tag, outcome.id), (tag, format!("id{tag}")));
        assert_eq!(outcome.result.unwrap().revision.to_string(), REVISION);
    }
    assert_eq!(outcomes.next().await, Ok(None));
    sending.await.unwrap();
}

#[tokio::test]
async fn a_silent_node_holds_the_sender_back_and_ends_the_load_as_unknown() {
    let node = FakeNode::default();
    let client = node.client().await;
    let (sender, mut outcomes) = client.load("silent");
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        while sender
            .send(sent, "id".to_owned(), Bytes::from(vec![b' '; 1000]))
            .await
            .is_ok()
        {
            sent += 1;
        }
        sent
    });
    let error = outcomes.next().await.unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    let sent = sending.await.unwrap();
    assert_eq!(sent, 8, "a window of 8 KiB holds eight documents of 1 KiB");
    assert_eq!(outcomes.unanswered(), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_load_that_breaks_off_says_what_was_not_answered() {
    let client = FakeNode::default().client().await;
    let (sender, mut outcomes) = client.load("breaks");
    for tag in 0..5 {
        sender.send(tag, "id".to_owned(), Bytes::new()).await.unwrap();
    }
    for tag in 0..3 {
        assert_eq!(outcomes.next().await.unwrap().unwrap().tag, tag);
    }
    let error = outcomes.next().await.unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    assert_eq!(outcomes.unanswered(), [3, 4]);
    assert!(sender.send(5, "id".to_owned(), Bytes::new()).await.is_err());
}

#[tokio::test]
async fn a_slow_sender_is_not_a_late_answer() {
    let client = FakeNode::default().client().await;
    let (sender, mut outcomes) = client.load("answers");
    let nothing = tokio::time::timeout(2 * DEADLINE, outcomes.next()).await;
    assert!(
        nothing.is_err(),
        "nothing is on its way, so nothing is late: {nothing:?}"
    );
    sender.send(1, "late".to_owned(), Bytes::new()).await.unwrap();
    drop(sender);
    assert_eq!(outcomes.next().await.unwrap().unwrap().id, "late");
    assert_eq!(outcomes.next().await, Ok(None));
}

#[tokio::test]
async fn a_message_over_the_bound_is_not_sent_and_a_load_goes_on_without_it() {
    let client = FakeNode::default().client().await;
    let large = Bytes::from(vec![b' '; 17 * 1024 * 1024]);
    let error = client.update("silent", "a", large.clone(), None).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge(_)), "{error:?}");

    let (sender, mut outcomes) = client.load("answers");
    let error = sender.send(1, "large".to_owned(), large).await.unwrap_err();
    assert!(matches!(error, LoadSendError::TooLarge { .. }), "{error:?}");
    sender.send(2, "small".to_owned(), Bytes::new()).await.unwrap();
    drop(sender);
    assert_eq!(outcomes.next().await.unwrap().unwrap().tag, 2);
    assert_eq!(outcomes.next().await, Ok(None));
}
