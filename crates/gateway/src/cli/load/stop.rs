//! Stopping a load: SIGINT and SIGTERM end the sending, not the accounting.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// After a stop, how long answers are waited for and lines that were not sent are counted.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(3);

/// A token that is cancelled by the first signal. From here on signals do not end the process by themselves.
pub(crate) fn on_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}
