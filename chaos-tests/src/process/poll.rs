//! Waits for a state by asking again and again, with a deadline.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is `Some`.
///
/// # Errors
/// The question fails, or the deadline passes.
pub async fn poll_until<T>(
    deadline: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("nothing within {deadline:?}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
