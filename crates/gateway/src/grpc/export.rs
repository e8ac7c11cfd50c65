//! `ExportDocuments`: a whole database as of one moment.
//!
//! One task holds the snapshot and reads piece by piece as the client takes them: a slow client costs a piece of memory and a window of answers.
//! What is overwritten meanwhile stays on the disk, so there are not many exports at once, and one that nobody reads ends.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rejoin_api::{ConflictRoom, proto};
use rejoin_document::DatabaseName;
use rejoin_store::{Export, ExportOptions, Exported, Store};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::{AnswerSender, Answers, answers};
use super::error::Failure;
use super::session::{self, LastingRead};
use super::{history, list};
use crate::node::{NodeContext, long_read};

/// Answers that wait for a slow client, at most; their bytes are bounded too.
const WINDOW: usize = 256;

/// One client's export.
struct Exporting {
    store: Store,
    database: DatabaseName,
    options: ExportOptions,
    reading: LastingRead,
    /// Whether the client wants to know, at the end, all that its session has seen.
    in_session: bool,
    answers: AnswerSender<proto::ExportDocumentsResponse>,
    stalled_after: Duration,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// Starts an export; everything that is written once this has returned does not show in it.
///
/// # Errors
///
/// The database does not exist, the prefix makes no sense, too many exports are under way, or the node lacks what the session has seen.
pub(super) async fn start(
    context: &NodeContext,
    request: &proto::ExportDocumentsRequest,
    deadline: Option<Instant>,
) -> Result<Answers<proto::ExportDocumentsResponse>, Failure> {
    let database = session::database(context, &request.database, request.options.as_ref(), deadline).await?;
    list::bounded("prefix", &request.prefix)?;
    let permit = Arc::clone(&context.exports).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::too_many("exports"))?;
    let reading = session::before_read(context, &database, request.options.as_ref(), deadline).await?;
    let reading = reading.in_pieces();
    let (sender, receiver) = answers(WINDOW);
    let exporting = Exporting {
        store: context.store.clone(),
        database: database.clone(),
        reading,
        in_session: request.options.is_some(),
        options: ExportOptions {
            prefix: request.prefix.clone(),
            history: request.include_history,
        },
        answers: sender,
        stalled_after: Duration::from_millis(context.settings.now().grpc.export_stalled_after_ms),
        stop: context.stop.clone(),
        _permit: permit,
    };
    let (begun, begins) = oneshot::channel();
    context.tasks.spawn(exporting.run(begun));
    begins.await.unwrap_or_else(|_| Err(Failure::shutting_down()))?;
    Ok(receiver)
}

impl Exporting {
    async fn run(mut self, begun: oneshot::Sender<Result<(), Failure>>) {
        let store = self.store.clone();
        let export = match store.export(&self.database, self.options.clone()) {
            Ok(export) => export,
            Err(error) => {
                // The call that waits for this may be gone.
                let _ = begun.send(Err(error.into()));
                return;
            }
        };
        let _ = begun.send(Ok(()));
        if let Err(failure) = self.send_all(export).await {
            self.answers.fail(failure);
        }
    }

    /// Sends everything, or as much as the client takes.
    async fn send_all(&mut self, mut export: Export<'_>) -> Result<(), Failure> {
        while let Some(piece) = long_read(|| export.next_piece())? {
            let mut state = (!piece.is_empty()).then(|| self.reading.after_piece(export.context()));
            for exported in piece {
                let mut answer = self.answer(&exported);
                answer.state = state.take();
                if self.send(answer).await?.is_break() {
                    return Ok(());
                }
            }
            if self.stop.is_cancelled() {
                return Err(Failure::shutting_down());
            }
            tokio::task::yield_now().await;
        }
        if self.in_session {
            let end = proto::ExportDocumentsResponse {
                state: Some(self.reading.after_piece(export.context())),
                ..proto::ExportDocumentsResponse::default()
            };
            let _ended = self.send(end).await?;
        }
        Ok(())
    }

    /// Sends one answer; breaks off if the client is gone.
    async fn send(&self, answer: proto::ExportDocumentsResponse) -> Result<ControlFlow<()>, Failure> {
        let sending = tokio::time::timeout(self.stalled_after, self.answers.send(answer));
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::shutting_down()),
            sent = sending => match sent {
                Ok(Ok(())) => Ok(ControlFlow::Continue(())),
                Ok(Err(_gone)) => Ok(ControlFlow::Break(())),
                Err(_elapsed) => Err(Failure::export_stalled(self.stalled_after)),
            },
        }
    }

    fn answer(&self, exported: &Exported) -> proto::ExportDocumentsResponse {
        let found = &exported.found;
        let datacenter_of = |replica| self.store.datacenter_of(replica);
        let mut room = ConflictRoom::default();
        let document = if exported.continues {
            proto::Document {
                id: found.id.to_string(),
                revision: found.shown.revision.to_string(),
                ..proto::Document::default()
            }
        } else {
            proto::Document::from_shown(&found.id, &found.shown, &datacenter_of, &mut room)
        };
        proto::ExportDocumentsResponse {
            document: Some(document),
            history: exported
                .history
                .iter()
                .map(|kept| history::info(&self.store, kept, &mut room))
                .collect(),
            continues: exported.continues,
            state: None,
        }
    }
}
