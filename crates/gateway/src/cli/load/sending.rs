//! The sending half of a load, and the count of what it did not send.

use std::io;

use rejoin_client::{LoadSendError, LoadSender};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::entry::{BadLine, Entry};
use super::reader::{Batch, Parsed};
use super::report::Report;
use super::stop::STOP_WITHIN;

/// What is left of the input when nothing more is sent.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Lines that were read and not sent.
    pub(super) lines: u64,
    /// Whether these are all: false if reading failed, or the input had no end yet when the load had.
    pub(super) input_ended: bool,
    /// Why reading failed.
    pub(super) error: Option<io::Error>,
}

/// Sends until the input or the load ends, or `stop`; then counts what is left, for a bounded time.
pub(super) async fn send(
    mut batches: mpsc::Receiver<Batch>,
    sender: LoadSender,
    report: &Report,
    stop: &CancellationToken,
) -> Rest {
    let mut rest = Rest::default();
    send_lines(&mut batches, sender, report, stop, &mut rest).await;
    // An input may never end. What was counted until then stays.
    let _ = tokio::time::timeout(STOP_WITHIN, count(&mut batches, &mut rest)).await;
    rest
}

/// Dropping the sender at the end tells the node that this was all.
async fn send_lines(
    batches: &mut mpsc::Receiver<Batch>,
    sender: LoadSender,
    report: &Report,
    stop: &CancellationToken,
    rest: &mut Rest,
) {
    while let Some(Some(batch)) = stop.run_until_cancelled(batches.recv()).await {
        let mut lines = batch.lines.into_iter();
        while let Some(parsed) = lines.next() {
            // A send that is given up while it waits has sent nothing.
            let sending = send_line(&sender, parsed, report);
            if !matches!(stop.run_until_cancelled(sending).await, Some(Ok(()))) {
                rest.lines = 1 + lines.len() as u64;
                rest.error = batch.error;
                return;
            }
        }
        report.sent(batch.bytes);
        rest.error = batch.error;
    }
}

/// Sends a line, or reports why it is not one to send.
///
/// # Errors
/// The load has ended and the line was not sent; the receiving half knows why.
async fn send_line(sender: &LoadSender, parsed: Parsed, report: &Report) -> Result<(), LoadSendError> {
    let sent = match parsed.entry {
        Ok(Entry { id, body }) => sender.send(parsed.line, id, body).await,
        Err(bad) => {
            report.refused(parsed.line, None, bad.reason.as_str(), &bad.message);
            return Ok(());
        }
    };
    if let Err(LoadSendError::TooLarge { .. }) = sent {
        let bad = BadLine::too_large();
        report.refused(parsed.line, None, bad.reason.as_str(), &bad.message);
        return Ok(());
    }
    sent
}

async fn count(batches: &mut mpsc::Receiver<Batch>, rest: &mut Rest) {
    while let Some(batch) = batches.recv().await {
        rest.lines += batch.lines.len() as u64;
        rest.error = batch.error;
    }
    rest.input_ended = rest.error.is_none();
}
