//! The other end of a recorded link: asks a server what a puller had asked, and keeps what it answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rejoin_api::proto::pull_request::Message as Asked;
use rejoin_api::proto::pull_response::Message as Answer;
use rejoin_api::proto::sync_service_client::SyncServiceClient;
use rejoin_api::proto::{Batch, PullRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::common::eventually;

pub(crate) struct Caller {
    requests: mpsc::Sender<PullRequest>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Caller {
    pub(crate) async fn new(server: SocketAddr) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        let mut client = SyncServiceClient::connect(format!("http://{server}")).await.unwrap();
        let mut stream = client.pull(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        let answers = Arc::<Mutex<Vec<Answer>>>::default();
        let kept = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok(Some(response)) = stream.message().await {
                kept.lock().unwrap().extend(response.message);
            }
        });
        Self { requests, answers }
    }

    /// Asks what was recorded, and waits for the answer where there has to be one. An acknowledgement names the log of this server.
    pub(crate) async fn ask(&self, mut asked: Asked) {
        if let Asked::Acknowledge(acknowledged) = &mut asked {
            let batches = || self.batches(&acknowledged.database);
            eventually("the batch has come", async || !batches().is_empty()).await;
            let last = batches().last().unwrap().to;
            acknowledged.position = last;
        }
        let message = Some(asked.clone());
        self.requests.send(PullRequest { message }).await.unwrap();
        match &asked {
            Asked::Hello(_) => {
                self.wait("a welcome", |answer| matches!(answer, Answer::Welcome(_)))
                    .await
            }
            Asked::CompareDigest(_) | Asked::FetchBuckets(_) | Asked::FetchBucket(_) | Asked::FetchDocuments(_) => {
                self.wait(&format!("an answer to {asked:?}"), |answer| answers(&asked, answer))
                    .await;
            }
            Asked::Open(_) | Asked::Acknowledge(_) | Asked::Heartbeat(_) => {}
        }
    }

    /// What was answered so far, in order.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap().clone()
    }

    /// The batches of a database that have come so far.
    pub(crate) fn batches(&self, database: &str) -> Vec<Batch> {
        let answers = self.answers().into_iter();
        let batches = answers.filter_map(|answer| match answer {
            Answer::Batch(batch) if batch.database == database => Some(batch),
            _ => None,
        });
        batches.collect()
    }

    async fn wait(&self, what: &str, is_it: impl Fn(&Answer) -> bool) {
        eventually(what, async || self.answers().iter().any(&is_it)).await;
    }
}

/// Whether this answers that.
pub(crate) fn answers(asked: &Asked, answer: &Answer) -> bool {
    match (asked, answer) {
        (Asked::CompareDigest(asked), Answer::Digest(answer)) => asked.database == answer.database,
        (Asked::FetchBuckets(asked), Answer::Buckets(answer)) => asked.database == answer.database,
        (Asked::FetchBucket(asked), Answer::Bucket(answer)) => {
            (&asked.database, asked.bucket) == (&answer.database, answer.bucket)
        }
        (Asked::FetchDocuments(asked), Answer::Documents(answer)) => asked.database == answer.database,
        _ => false,
    }
}
