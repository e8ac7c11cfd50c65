//! A peer that says what it is told to say: what was recorded, or what no version says yet.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::common::free_address;
use rejoin_api::proto::pull_request::Message as Asked;
use rejoin_api::proto::pull_response::Message as Answer;
use rejoin_api::proto::sync_service_server::{SyncService, SyncServiceServer};
use rejoin_api::proto::{PullRequest, PullResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

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

    /// Serves at a free address until the test ends.
    pub(crate) fn serve(&self) -> SocketAddr {
        let (address, service) = (free_address(), SyncServiceServer::new(self.clone()));
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve(address));
        address
    }

    /// What it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What is answered to `asked`.
    fn answers(&self, asked: &Asked) -> Vec<PullResponse> {
        let all = self.responses.iter();
        let chosen = all.filter(|response| match (asked, response.message.as_ref().unwrap()) {
            (Asked::Hello(_), answer) => matches!(answer, Answer::Welcome(_) | Answer::Batch(_) | Answer::Refused(_)),
            (Asked::CompareDigest(asked), Answer::Digest(answer)) => asked.database == answer.database,
            _ => false,
        });
        let mut answers: Vec<_> = chosen.cloned().collect();
        for answer in &mut answers {
            if let (Asked::Hello(hello), Some(Answer::Batch(batch))) = (asked, &mut answer.message) {
                batch.stream = hello.stream;
            }
        }
        if matches!(asked, Asked::CompareDigest(_)) {
            answers.truncate(1);
        }
        answers
    }
}

#[tonic::async_trait]
impl SyncService for Player {
    type PullStream = ReceiverStream<Result<PullResponse, Status>>;

    async fn pull(&self, call: Request<Streaming<PullRequest>>) -> Result<Response<Self::PullStream>, Status> {
        let (sender, receiver) = mpsc::channel(64);
        let (player, mut requests) = (self.clone(), call.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                let asked = request.message.unwrap();
                for answer in player.answers(&asked) {
                    // A puller that has gone has heard enough.
                    let _ = sender.send(Ok(answer)).await;
                }
                player.asked.lock().unwrap().push(asked);
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
