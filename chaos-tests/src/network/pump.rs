//! Forwards one direction of a proxied connection, as its flow says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::{Fault, Flow, Seen};

const CHUNK_BYTES: usize = 16 * 1024;

/// The connection cannot go on, because bytes are missing in its stream: whoever holds it has to reset it.
#[derive(Debug)]
pub(super) struct Broken;

/// Forwards until the stream ends or is closed.
///
/// # Errors
/// [`Broken`] once bytes were swallowed or cut off and the fault is over.
pub(super) async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut fault: watch::Receiver<Fault>,
    side: impl Fn((Flow, Flow)) -> Flow,
    seen: &Seen,
) -> Result<(), Broken> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut swallowed = false;
    loop {
        let flow = current(&mut fault, &side);
        if swallowed && flow != Flow::Swallow {
            return Err(Broken);
        }
        let read = match flow {
            Flow::Close => {
                count(&seen.closed);
                let _ = to.shutdown().await;
                // The sender is not told; it goes on into the void, as behind a router that forgot the connection.
                while from.read(&mut chunk).await.is_ok_and(|bytes| bytes > 0) {}
                return Ok(());
            }
            Flow::Hold => {
                count(&seen.held);
                if fault.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            _ => tokio::select! {
                biased;
                changed = fault.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                },
                read = from.read(&mut chunk) => read,
            },
        };
        let Ok(bytes @ 1..) = read else {
            let _ = to.shutdown().await;
            return Ok(());
        };
        let passing = match flow {
            Flow::Swallow => {
                count(&seen.swallowed);
                swallowed = true;
                continue;
            }
            Flow::Truncate if bytes > 1 => {
                count(&seen.truncated);
                // The receiver has to have got the beginning before the reset discards what waits.
                let _ = to.write_all(&chunk[..bytes / 2]).await;
                tokio::time::sleep(AFTER_TRUNCATION).await;
                return Err(Broken);
            }
            flow => wait(flow, bytes, seen).await,
        };
        if to.write_all(&chunk[..bytes]).await.is_err() {
            return Ok(());
        }
        seen.bytes.fetch_add(passing, Ordering::Relaxed);
    }
}

const AFTER_TRUNCATION: Duration = Duration::from_millis(5);

/// Waits before a chunk passes, and answers its size.
async fn wait(flow: Flow, bytes: usize, seen: &Seen) -> u64 {
    let bytes = bytes as u64;
    match flow {
        Flow::Delay(wait) => {
            count(&seen.delayed);
            tokio::time::sleep(wait).await;
        }
        Flow::Jitter(longest) => {
            count(&seen.delayed);
            let share = rand::rng().random_range(0.0..=1.0);
            tokio::time::sleep(longest.mul_f64(share)).await;
        }
        Flow::Throttle(bytes_per_second) => {
            count(&seen.throttled);
            let wait = bytes.saturating_mul(1000) / u64::from(bytes_per_second.max(1));
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        _ => {}
    }
    bytes
}

fn current(fault: &mut watch::Receiver<Fault>, side: &impl Fn((Flow, Flow)) -> Flow) -> Flow {
    match *fault.borrow_and_update() {
        Fault::Flows { out, back } => side((out, back)),
        Fault::Cut => Flow::Pass,
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
