//! `ExportDocuments`: a whole database as of one moment.
//!
//! One task holds the snapshot and reads piece by piece as the client takes them: a slow client costs a piece of memory and a window of answers.
//! What is overwritten meanwhile stays on the disk, so there are not many exports at once, and one that nobody reads ends.

use std::sync::Arc;
use std::time::Duration;

use rejoin_api::proto;
use rejoin_document::DatabaseName;
use rejoin_store::{Export, ExportOptions, Exported, Store};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use super::answers::{AnswerSender, Answers, answers};
use super::error::Failure;
use super::{history, list, request};
use crate::node::{NodeContext, long_read};

/// Answers that wait for a slow client, at most; their bytes are bounded too.
const WINDOW: usize = 256;

/// One client's export.
struct Exporting {
    store: Store,
    database: DatabaseName,
    options: ExportOptions,
    answers: AnswerSender<proto::ExportDocumentsResponse>,
    stalled_after: Duration,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// Starts an export; everything that is written once this has returned does not show in it.
///
/// # Errors
///
/// The database does not exist, the prefix makes no sense, or too many exports are under way.
pub(super) async fn start(
    context: &NodeContext,
    request: &proto::ExportDocumentsRequest,
) -> Result<Answers<proto::ExportDocumentsResponse>, Failure> {
    let database = request::database(&context.store, &request.database)?;
    list::bounded("prefix", &request.prefix)?;
    let permit = Arc::clone(&context.exports).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::too_many("exports"))?;
    let (sender, receiver) = answers(WINDOW);
    let exporting = Exporting {
        store: context.store.clone(),
        database,
        options: ExportOptions {
            prefix: request.prefix.clone(),
            history: request.include_history,
        },
        answers: sender,
        stalled_after: Duration::from_millis(context.grpc.export_stalled_after_ms),
        stop: context.stop.clone(),
        _permit: permit,
    };
    let (begun, begins) = oneshot::channel();
    context.tasks.spawn(exporting.run(begun));
    begins.await.unwrap_or_else(|_| Err(Failure::shutting_down()))?;
    Ok(receiver)
}

impl Exporting {
    async fn run(self, begun: oneshot::Sender<Result<(), Failure>>) {
        let export = match self.store.export(&self.database, self.options.clone()) {
            Ok(export) => export,
            Err(error) => {
                // The call that waits for this may be gone.
                let _ = begun.send(Err(error.into()));
                return;
            }
        };
        let _ = begun.send(Ok(()));
        if let Err(failure) = self.send_all(export).await {
            self.answers.fail(failure).await;
        }
    }

    /// Sends everything, or as much as the client takes.
    async fn send_all(&self, mut export: Export<'_>) -> Result<(), Failure> {
        while let Some(piece) = long_read(|| export.next_piece())? {
            for exported in piece {
                let sending = self.answers.send(self.answer(&exported));
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return Err(Failure::shutting_down()),
                    sent = tokio::time::timeout(self.stalled_after, sending) => match sent {
                        Ok(Ok(())) => {}
                        Ok(Err(_gone)) => return Ok(()),
                        Err(_elapsed) => return Err(Failure::export_stalled(self.stalled_after)),
                    },
                }
            }
            if self.stop.is_cancelled() {
                return Err(Failure::shutting_down());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn answer(&self, exported: &Exported) -> proto::ExportDocumentsResponse {
        let found = &exported.found;
        let document = if exported.continues {
            proto::Document {
                id: found.id.to_string(),
                revision: found.shown.revision.to_string(),
                ..proto::Document::default()
            }
        } else {
            proto::Document::from_shown(&found.id, &found.shown, &|replica| self.store.datacenter_of(replica))
        };
        proto::ExportDocumentsResponse {
            document: Some(document),
            history: exported
                .history
                .iter()
                .map(|kept| history::info(&self.store, kept))
                .collect(),
            continues: exported.continues,
        }
    }
}
