//! A panic in what one client asked for ends that call, and nothing else: the client is told, and the node goes on.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What was asked for panicked, wherever it stood. The panic itself is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this call met a mistake in the node and has no other answer: what it was to write may be durable or not; read the document, and report the panic in \
     the log of the node"
)]
pub(crate) struct Panicked;

/// What `call` comes to, unless it panics.
///
/// A panic leaves nothing behind that others meet half done: they share states that are replaced as a whole, and everything that is written goes through
/// the thread of the commit pipeline.
///
/// # Errors
///
/// It panicked.
pub(crate) async fn caught<T>(call: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut call = pin!(call);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(debug_assertions)]
            rejoin_store::planted_panic::step(rejoin_store::planted_panic::CALL);
            call.as_mut().poll(context)
        }));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_panics_is_an_error_wherever_it_does() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let late = async {
            tokio::task::yield_now().await;
            panic!("planted")
        };
        let panicked: Result<(), Panicked> = caught(late).await;
        assert_eq!(panicked, Err(Panicked));
    }
}
