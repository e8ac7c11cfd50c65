//! A connection that ends when its client takes nothing: TCP alone keeps one open for as long as the other side answers its probes.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream whose writes fail once one of them has been pending for so long. Reads wait for as long as the reader likes.
pub(super) struct WriteDeadline<S> {
    stream: S,
    pending_max: Duration,
    deadline: Pin<Box<Sleep>>,
    pending: bool,
}

impl<S> WriteDeadline<S> {
    pub(super) fn new(stream: S, pending_max: Duration) -> Self {
        Self {
            stream,
            pending_max,
            deadline: Box::pin(sleep(pending_max)),
            pending: false,
        }
    }

    /// Passes on what the stream said of a write, unless it has said for too long that it takes nothing.
    fn watch<T>(&mut self, context: &mut Context<'_>, said: Poll<Result<T>>) -> Poll<Result<T>> {
        if said.is_ready() {
            self.pending = false;
            return said;
        }
        if !std::mem::replace(&mut self.pending, true) {
            let until = Instant::now() + self.pending_max;
            self.deadline.as_mut().reset(until);
        }
        // Polled each time, so that it is this task that is woken.
        self.deadline.as_mut().poll(context).map(|()| {
            let reason = format!("the client has taken nothing for {:?}", self.pending_max);
            Err(Error::new(ErrorKind::TimedOut, reason))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, said)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let said = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, said)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, said)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PENDING_MAX: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn a_write_that_nobody_takes_fails_and_one_that_is_taken_slowly_does_not() {
        let (near, mut far) = duplex(8);
        let mut near = WriteDeadline::new(near, PENDING_MAX);
        near.write_all(b"eight of").await.unwrap();
        let taking = async {
            let mut taken = [0; 1];
            for _ in 0..8 {
                tokio::time::sleep(PENDING_MAX / 4).await;
                far.read_exact(&mut taken).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(near.write_all(b" sixteen"), taking);
        written.unwrap();
        let refused = near.write_all(b" and so on").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
        drop(far);
    }
}
