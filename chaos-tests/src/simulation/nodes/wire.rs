//! One end of a simulated connection, which can be broken from outside: in the middle of a stream, at one end only, in the middle of a frame.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

/// How an end breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// At once.
    Now,
    /// After a part of the next frame.
    InFrame,
}

/// A stream that can be broken.
pub(super) struct Wire {
    stream: TcpStream,
    end: Arc<Mutex<End>>,
}

struct End {
    local: IpAddr,
    remote: IpAddr,
    breaks: Option<Break>,
    wakers: [Option<Waker>; 2],
}

thread_local! {
    static ENDS: RefCell<Vec<Weak<Mutex<End>>>> = const { RefCell::new(Vec::new()) };
}

/// Forgets the connections of a former simulation.
pub(super) fn reset() {
    ENDS.take();
}

/// Breaks the ends that `local` has of its connections with `remote`; answers how many there were.
pub(super) fn break_ends(local: IpAddr, remote: IpAddr, how: Break) -> usize {
    let ends = ENDS.with_borrow_mut(|ends| {
        ends.retain(|end| end.strong_count() > 0);
        ends.iter().filter_map(Weak::upgrade).collect::<Vec<_>>()
    });
    let mut broken = 0;
    for end in ends {
        let mut end = lock(&end);
        if end.local == local && end.remote == remote && end.breaks.is_none() {
            end.breaks = Some(how);
            broken += 1;
            if how == Break::Now {
                end.wakers.iter_mut().filter_map(Option::take).for_each(Waker::wake);
            }
        }
    }
    broken
}

impl Wire {
    /// Around a stream.
    ///
    /// # Errors
    /// The stream has no addresses.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        let end = Arc::new(Mutex::new(End {
            local: stream.local_addr()?.ip(),
            remote: stream.peer_addr()?.ip(),
            breaks: None,
            wakers: [None, None],
        }));
        ENDS.with_borrow_mut(|ends| ends.push(Arc::downgrade(&end)));
        Ok(Self { stream, end })
    }

    /// Whether it is broken; else whoever breaks it wakes the caller.
    fn check(&self, side: usize, context: &Context<'_>) -> io::Result<Option<Break>> {
        let mut end = lock(&self.end);
        if end.breaks == Some(Break::Now) {
            return Err(broken());
        }
        end.wakers[side] = Some(context.waker().clone());
        Ok(end.breaks)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(0, context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.check(1, context)? == Some(Break::InFrame) {
            let sent = Pin::new(&mut self.stream).poll_write(context, &bytes[..bytes.len() / 2]);
            lock(&self.end).breaks = Some(Break::Now);
            return match sent {
                Poll::Pending => Poll::Pending,
                Poll::Ready(_) => Poll::Ready(Err(broken())),
            };
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// What is in there is whole after each statement.
fn lock(end: &Mutex<End>) -> MutexGuard<'_, End> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}
