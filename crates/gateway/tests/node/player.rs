//! A peer that says what it is told to say: what was recorded, or what no version says yet.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rejoin_api::proto::pull_request::Message as Asked;
use rejoin_api::proto::pull_response::Message as Answer;
use rejoin_api::proto::sync_service_server::{SyncService, SyncServiceServer};
use rejoin_api::proto::{BucketDigests, BucketEntries, DocumentStates, PullRequest, PullResponse};
use rejoin_document::BUCKETS;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, Streaming};

use crate::caller::answers;

/// Bytes of one digest.
const HASH_BYTES: usize = 32;

/// Answers a puller with what was recorded, under the name of its own stream, and keeps what it asks.
#[derive(Clone)]
pub(crate) struct Player {
    responses: Arc<Vec<PullResponse>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Player {
    pub(crate) fn new(responses: Vec<PullResponse>) -> Self {
        Self {
            responses: Arc::new(responses),
            asked: Arc::default(),
        }
    }

    /// Listens at a free address and serves there until the test ends.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let service = SyncServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Zstd);
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    /// What it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What is answered to `asked`. Of the digests of a database it is the last: by then the puller has all that was recorded.
    fn answers(&self, asked: &Asked) -> Vec<Answer> {
        let all = self.responses.iter().filter_map(|response| response.message.clone());
        let chosen = all.filter(|answer| match (asked, answer) {
            (Asked::Hello(_), Answer::Welcome(_) | Answer::Refused(_)) => true,
            (Asked::Hello(hello), Answer::Batch(batch)) => {
                hello.databases.iter().any(|known| known.name == batch.database)
            }
            (Asked::Hello(_), Answer::Heartbeat(beat)) => beat.left.is_some(),
            (Asked::Heartbeat(_), Answer::Heartbeat(beat)) => beat.left.is_none(),
            (Asked::Open(open), Answer::Batch(batch)) => open.name == batch.database,
            _ => answers(asked, answer),
        });
        let chosen: Vec<Answer> = chosen.collect();
        match asked {
            Asked::Hello(_) | Asked::Open(_) => chosen,
            _ => chosen
                .into_iter()
                .next_back()
                .or_else(|| nothing(asked))
                .into_iter()
                .collect(),
        }
    }
}

/// The answer to what was never asked in the recording: the nodes' own database differs from puller to puller, and nothing of it is there to be mended.
fn nothing(asked: &Asked) -> Option<Answer> {
    match asked {
        Asked::FetchBuckets(asked) => Some(Answer::Buckets(BucketDigests {
            database: asked.database.clone(),
            hashes: vec![0; usize::from(BUCKETS) * HASH_BYTES].into(),
        })),
        Asked::FetchBucket(asked) => Some(Answer::Bucket(BucketEntries {
            database: asked.database.clone(),
            bucket: asked.bucket,
            entries: Vec::new(),
        })),
        Asked::FetchDocuments(asked) => Some(Answer::Documents(DocumentStates {
            database: asked.database.clone(),
            items: Vec::new(),
            answered: asked.ids.len() as u32,
        })),
        _ => None,
    }
}

#[tonic::async_trait]
impl SyncService for Player {
    type PullStream = ReceiverStream<Result<PullResponse, Status>>;

    async fn pull(&self, call: Request<Streaming<PullRequest>>) -> Result<Response<Self::PullStream>, Status> {
        let (sender, receiver) = mpsc::channel(64);
        let (player, mut requests) = (self.clone(), call.into_inner());
        tokio::spawn(async move {
            let mut stream = 0;
            while let Ok(Some(request)) = requests.message().await {
                let asked = request.message.unwrap();
                if let Asked::Hello(hello) = &asked {
                    stream = hello.stream;
                }
                let answers = player.answers(&asked);
                player.asked.lock().unwrap().push(asked);
                for mut answer in answers {
                    match &mut answer {
                        Answer::Batch(batch) => batch.stream = stream,
                        // It knew another puller: one that is told of writes that it has not would take itself for restored.
                        Answer::Welcome(welcome) => welcome.knows_of_you.clear(),
                        _ => {}
                    }
                    let message = Some(answer);
                    // A puller that has gone has heard enough.
                    let _ = sender.send(Ok(PullResponse { message })).await;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
