//! Connections within bounds: of all clients, and of each address half of them.
//!
//! One beyond its share is told so for each of its calls, for a moment; if even of those there are many, a connection is closed as it comes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::StreamExt;

use super::{ClientId, Share, Shares};
use crate::links::{Connection, Incoming};

/// Connections beyond the bounds that are still told why nothing is done for them.
pub(crate) const TOLD_MAX: usize = 64;

/// For how long they are.
const TOLD_FOR: Duration = Duration::from_secs(2);

/// `incoming`, each connection with its share of `shares`.
pub(crate) fn bounded(incoming: Incoming, shares: Shares) -> Incoming {
    let told = Arc::new(Semaphore::new(TOLD_MAX));
    Box::pin(incoming.filter_map(move |accepted| match accepted {
        Ok(connection) => admit(connection, &shares, &told).map(Ok),
        Err(error) => Some(Err(error)),
    }))
}

fn admit(connection: Connection, shares: &Shares, told: &Arc<Semaphore>) -> Option<Connection> {
    let mut caller = connection.caller().clone();
    let client = ClientId::of_caller(Some(&caller));
    let (place, until) = match shares.take(&client, 1) {
        Ok(share) => (Place::Own(share), None),
        Err(crowded) => {
            let permit = Arc::clone(told).try_acquire_owned().ok()?;
            tracing::debug!(caller = caller.place(), %crowded, "a connection is one too many");
            caller.crowded = Some(crowded);
            (Place::Told(permit), Some(Box::pin(sleep(TOLD_FOR))))
        }
    };
    let bounded = Bounded {
        inner: connection,
        until,
        _place: place,
    };
    Some(Connection::of(bounded, caller))
}

/// What a connection occupies until it is closed.
enum Place {
    Own(#[expect(dead_code, reason = "it is given back when it is dropped")] Share),
    Told(#[expect(dead_code, reason = "it is given back when it is dropped")] OwnedSemaphorePermit),
}

struct Bounded {
    inner: Connection,
    /// When it ends; `None`: whenever its ends want.
    until: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(until) = &mut self.until
            && until.as_mut().poll(context).is_ready()
        {
            // As if its client had ended it: what was answered still goes out.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn beyond_its_share_an_address_is_told_so_and_another_one_is_taken() {
        let shares = Shares::new("connections", 4, 2);
        let mut come = vec![[10_u8, 0, 0, 1]; 3 + TOLD_MAX];
        come.push([10, 0, 0, 2]);
        let (near, far): (Vec<_>, Vec<_>) = come.iter().map(|_| duplex(64)).unzip();
        let connections = near.into_iter().zip(come);
        let connections = connections.map(|(near, address)| Ok(Connection::from_address(near, Some(address.into()))));
        let incoming = tokio_stream::iter(connections.collect::<Vec<_>>());
        let mut taken: Vec<Connection> = bounded(Box::pin(incoming), shares).map(Result::unwrap).collect().await;
        let told = |taken: &[Connection]| taken.iter().filter(|it| it.caller().crowded.is_some()).count();
        assert_eq!(
            (taken.len(), told(&taken)),
            (2 + TOLD_MAX + 1, TOLD_MAX),
            "one was closed as it came"
        );
        let mut last = taken.pop().unwrap();
        assert!(last.caller().crowded.is_none(), "the other address is within its share");
        let mut crowded = taken.pop().unwrap();
        assert_eq!(crowded.read(&mut [0; 1]).await.unwrap(), 0, "it ends after a while");
        let kept = tokio::time::timeout(TOLD_FOR * 10, last.read(&mut [0; 1])).await;
        assert!(kept.is_err(), "it goes on for as long as its client likes");
        drop(far);
    }
}
