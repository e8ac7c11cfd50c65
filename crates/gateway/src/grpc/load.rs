//! `LoadDocuments`: many documents over one stream, many of them on their way to the disk at once.
//!
//! ```text
//!   requests ──▶ reader: parse, hand over ──▶ window (bounded) ──▶ writer: wait, answer ──▶ answers, in order
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rejoin_api::Reason;
use rejoin_api::proto::{self, load_documents_response};
use rejoin_store::{Action, CommitError, Conditions, Operation, Seen, WriteRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::error::Failure;
use super::{request, session, write};
use crate::access::{Principal, Role, Scope, acting, acting_for};
use crate::node::NodeContext;

type Answers = ReceiverStream<Result<proto::LoadDocumentsResponse, Status>>;
type Writing = Pin<Box<dyn Future<Output = Result<proto::WriteResult, CommitError>> + Send>>;

/// How long a document that found the pipeline full waits before it is offered again.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(5);

/// A document that was handed to the pipeline.
struct InFlight {
    id: String,
    state: State,
}

enum State {
    Writing(Writing),
    Done(Result<proto::WriteResult, Failure>),
    /// The stream broke here: what was handed over before is answered first.
    Broken(Status),
}

/// Answers `requests` in their order.
pub(super) fn start(
    context: &Arc<NodeContext>,
    who: Principal,
    requests: Streaming<proto::LoadDocumentsRequest>,
) -> Answers {
    let window = context.settings.now().grpc.load_window;
    let (in_flight, waiting) = mpsc::channel(window);
    let (answers, receiver) = mpsc::channel(window);
    let reading = read(Arc::clone(context), (who, requests), in_flight, answers.clone());
    // What it hands to the pipeline comes of the share of its client.
    context.tasks.spawn(acting_for(acting(), reading));
    context.tasks.spawn(answer(waiting, answers));
    ReceiverStream::new(receiver)
}

async fn read(
    context: Arc<NodeContext>,
    (who, mut requests): (Principal, Streaming<proto::LoadDocumentsRequest>),
    in_flight: mpsc::Sender<InFlight>,
    answers: mpsc::Sender<Result<proto::LoadDocumentsResponse, Status>>,
) {
    loop {
        // A place in the window comes first: what is handed over is always answered.
        let Ok(place) = in_flight.reserve().await else { return };
        let request = tokio::select! {
            biased;
            () = context.stop.cancelled() => Err(Failure::shutting_down().into()),
            () = answers.closed() => return,
            request = requests.message() => request,
        };
        match request {
            Ok(Some(request)) => place.send(hand_over(&context, &who, request).await),
            Ok(None) => return,
            Err(status) => {
                let status = super::error::complete(&status).unwrap_or(status);
                place.send(InFlight {
                    id: String::new(),
                    state: State::Broken(status),
                });
                return;
            }
        }
    }
}

/// Gives one document to the pipeline; the first poll decides its place in the order of commits. A full pipeline holds the load back here, before
/// the next document is taken: two lines of one document must not change places.
async fn hand_over(context: &Arc<NodeContext>, who: &Principal, request: proto::LoadDocumentsRequest) -> InFlight {
    let write = match parse(context, who, &request) {
        Ok(write) => write,
        Err(failure) => {
            return InFlight {
                id: request.id,
                state: State::Done(Err(failure)),
            };
        }
    };
    loop {
        let (context, write) = (Arc::clone(context), write.clone());
        let mut writing: Writing = Box::pin(async move { done(&context, write).await });
        let state = tokio::select! {
            biased;
            result = &mut writing => match result {
                Err(CommitError::Overloaded) => {
                    tokio::time::sleep(OVERLOAD_PAUSE).await;
                    continue;
                }
                result => State::Done(result.map_err(Failure::from)),
            },
            () = std::future::ready(()) => State::Writing(writing),
        };
        return InFlight { id: request.id, state };
    }
}

async fn done(context: &NodeContext, write: WriteRequest) -> Result<proto::WriteResult, CommitError> {
    let database = write.database.clone();
    let written = write::submit(context, Operation::Write(write)).await?;
    Ok(proto::WriteResult {
        session_token: session::issue(context, &database, Seen::default(), &written.context, true),
        ..write::result(&written)
    })
}

fn parse(
    context: &NodeContext,
    who: &Principal,
    request: &proto::LoadDocumentsRequest,
) -> Result<WriteRequest, Failure> {
    who.may(Role::Writer, Scope::Database(&request.database))?;
    let (database, id) = (
        request::database(&context.store, &request.database)?,
        request::id(&request.id)?,
    );
    let body = request::body(&request.body, &context.limits())?;
    Ok(WriteRequest {
        database,
        id,
        action: Action::Update { body },
        conditions: Conditions::default(),
        request: None,
    })
}

async fn answer(
    mut waiting: mpsc::Receiver<InFlight>,
    answers: mpsc::Sender<Result<proto::LoadDocumentsResponse, Status>>,
) {
    while let Some(InFlight { id, state }) = waiting.recv().await {
        let result = match state {
            State::Done(result) => result,
            State::Writing(writing) => writing.await.map_err(Failure::from),
            State::Broken(status) => {
                // The client may be gone.
                let _ = answers.send(Err(status)).await;
                return;
            }
        };
        let outcome = match result {
            Ok(written) => load_documents_response::Outcome::Result(written),
            Err(failure) if failure.reason() == Reason::OutcomeUnknown => {
                // It is not refused, and no line after it fares better: the store has stopped.
                let _ = answers.send(Err(failure.into())).await;
                return;
            }
            Err(failure) => load_documents_response::Outcome::Error(failure.into_write_error()),
        };
        let response = proto::LoadDocumentsResponse {
            id,
            outcome: Some(outcome),
        };
        if answers.send(Ok(response)).await.is_err() {
            // The client is gone; its documents are written all the same.
            return;
        }
    }
}
