//! A load: many documents over one stream, with a bounded number of bytes on their way.
//!
//! ```text
//!   LoadSender ── requests ──▶ node ── answers, in the same order ──▶ LoadOutcomes
//!        └──────── tag and window permit of each request ───────────────▲
//! ```

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use rejoin_api::proto;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use crate::call::{self, Safety};
use crate::client::Client;
use crate::error::CallError;
use crate::malformed::Malformed;
use crate::written::Written;

/// Requests that are handed to the connection but not yet sent. The window bounds the bytes; this only decouples.
const QUEUE_LENGTH: usize = 64;

type Answers = Streaming<proto::LoadDocumentsResponse>;
type Start = Pin<Box<dyn Future<Output = Result<Response<Answers>, Status>> + Send>>;

/// Why a document was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoadSendError {
    /// The load has ended; [`LoadOutcomes::next`] says why.
    #[error("the load has ended")]
    Closed,
    /// The document is larger than a message may be. The load goes on without it.
    #[error("the document has {bytes} bytes, at most {bytes_max} are sent")]
    TooLarge {
        /// The size of its message.
        bytes: usize,
        /// The largest message that is sent.
        bytes_max: usize,
    },
}

/// Why one document of a load was refused. The others are not affected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct LoadError {
    /// The reason for programs, as in [`Refusal`](crate::Refusal).
    pub reason: String,
    /// The reason for people.
    pub message: String,
}

/// What happened to one document of a load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOutcome {
    /// The sender's own number for it.
    pub tag: u64,
    /// The document's id.
    pub id: String,
    /// Stored durably, or refused.
    pub result: Result<Written, LoadError>,
}

/// The half that sends documents. Dropping it ends the load once all answers are in.
#[derive(Debug)]
pub struct LoadSender {
    database: String,
    requests: mpsc::Sender<proto::LoadDocumentsRequest>,
    waiting: mpsc::Sender<Waiting>,
    window: Arc<Semaphore>,
    window_kib: u32,
    request_bytes_max: usize,
}

/// The half that receives what happened, in the order of sending.
pub struct LoadOutcomes {
    state: State,
    waiting: mpsc::Receiver<Waiting>,
    window: Arc<Semaphore>,
    client: Client,
    database: String,
}

/// The call is begun by the first `next`, since a node may wait for a first document before it answers at all.
enum State {
    Starting(Start),
    Receiving(Box<Answers>),
    Ended,
}

/// A document that was sent and is not answered.
#[derive(Debug)]
struct Waiting {
    tag: u64,
    _permit: OwnedSemaphorePermit,
}

pub(crate) fn start(client: &Client, database: &str) -> (LoadSender, LoadOutcomes) {
    let window_kib = client.options().load_window_kib.max(1);
    let window = Arc::new(Semaphore::new(window_kib as usize));
    let (requests, queued) = mpsc::channel(QUEUE_LENGTH);
    // Each entry holds a permit of 1 KiB or more, so that this queue cannot be full.
    let (waiting_in, waiting) = mpsc::channel(window_kib as usize);
    let mut service = client.document_service();
    let start: Start = Box::pin(async move { service.load_documents(ReceiverStream::new(queued)).await });
    let sender = LoadSender {
        database: database.to_owned(),
        requests,
        waiting: waiting_in,
        window: window.clone(),
        window_kib,
        request_bytes_max: client.options().request_bytes_max,
    };
    (
        sender,
        LoadOutcomes {
            state: State::Starting(start),
            waiting,
            window,
            client: client.clone(),
            database: database.to_owned(),
        },
    )
}

impl LoadSender {
    /// Sends one document; waits while the window is full. `tag` comes back with its outcome. May be dropped while it
    /// waits: the document is not sent then, and does not count as unanswered.
    ///
    /// # Errors
    /// This document was not sent: [`LoadSendError::Closed`] once the load has ended, [`LoadSendError::TooLarge`] if
    /// only it has to be left out.
    pub async fn send(&self, tag: u64, id: String, body: Bytes) -> Result<(), LoadSendError> {
        let request = proto::LoadDocumentsRequest {
            database: self.database.clone(),
            id,
            body,
        };
        let bytes = request.encoded_len();
        if bytes > self.request_bytes_max {
            return Err(LoadSendError::TooLarge {
                bytes,
                bytes_max: self.request_bytes_max,
            });
        }
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let permits = kib.clamp(1, self.window_kib);
        let permit = self
            .window
            .clone()
            .acquire_many_owned(permits)
            .await
            .map_err(|_| LoadSendError::Closed)?;
        let slot = self.requests.reserve().await.map_err(|_| LoadSendError::Closed)?;
        self.waiting
            .send(Waiting { tag, _permit: permit })
            .await
            .map_err(|_| LoadSendError::Closed)?;
        slot.send(request);
        Ok(())
    }
}

impl LoadOutcomes {
    /// What happened to the next document; `None` when the sender is dropped and everything is answered.
    ///
    /// # Errors
    /// The load is over; [`Self::unanswered`] tells which documents may or may not be stored. Loading the same
    /// documents again is safe. `Refused`: the node is stopping, or cannot take one of them (a message over its bound).
    /// `Unknown`: the connection was lost. `Unreachable`: nothing was sent.
    pub async fn next(&mut self) -> Result<Option<LoadOutcome>, CallError> {
        let outcome = self.receive().await;
        if !matches!(outcome, Ok(Some(_))) {
            self.state = State::Ended;
            self.window.close();
        }
        outcome
    }

    /// The tags of the documents that were sent and not answered. Meant for after an error; ends the load.
    pub fn unanswered(&mut self) -> Vec<u64> {
        self.state = State::Ended;
        self.window.close();
        self.waiting.close();
        std::iter::from_fn(|| self.waiting.try_recv().ok())
            .map(|waiting| waiting.tag)
            .collect()
    }

    async fn receive(&mut self) -> Result<Option<LoadOutcome>, CallError> {
        let deadline = self.client.options().deadline;
        loop {
            // While nothing is on its way (the sender is slow) there is no answer to be late with.
            let expecting = !self.waiting.is_empty();
            match tokio::time::timeout(deadline, self.state.message()).await {
                Ok(Ok(Some(answer))) => return self.accept(answer).map(Some),
                Ok(Ok(None)) if self.waiting.is_empty() => return Ok(None),
                Ok(Ok(None)) => return Err(self.lost("the node ended the load early".to_owned())),
                Ok(Err(status)) => return Err(call::from_status(self.client.address(), Safety::Once, &status)),
                Err(_) if expecting => return Err(call::no_answer(self.client.address(), Safety::Once, deadline)),
                Err(_) => {}
            }
        }
    }

    fn accept(&mut self, answer: proto::LoadDocumentsResponse) -> Result<LoadOutcome, CallError> {
        let address = self.client.address();
        let malformed = |malformed: Malformed| CallError::malformed(address, &malformed);
        let Waiting { tag, .. } = self
            .waiting
            .try_recv()
            .map_err(|_| malformed(Malformed::Missing("document that it answers to")))?;
        let result = match answer.outcome.ok_or_else(|| malformed(Malformed::Missing("outcome")))? {
            proto::load_documents_response::Outcome::Result(result) => {
                self.client
                    .session()
                    .resume(&self.database, result.session_token.clone());
                Ok(Written::from_proto(Some(result)).map_err(malformed)?)
            }
            proto::load_documents_response::Outcome::Error(error) => Err(LoadError {
                reason: error.reason,
                message: error.message,
            }),
        };
        Ok(LoadOutcome {
            tag,
            id: answer.id,
            result,
        })
    }

    fn lost(&self, problem: String) -> CallError {
        call::lost(self.client.address(), Safety::Once, problem)
    }
}

impl State {
    /// The next answer. May be dropped and called again without losing one.
    async fn message(&mut self) -> Result<Option<proto::LoadDocumentsResponse>, Status> {
        loop {
            match self {
                Self::Starting(start) => *self = Self::Receiving(Box::new(start.await?.into_inner())),
                Self::Receiving(answers) => return answers.message().await,
                Self::Ended => return Ok(None),
            }
        }
    }
}

impl std::fmt::Debug for LoadOutcomes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LoadOutcomes")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
