//! Connections as they come in, after their handshakes.
//!
//! Handshakes run beside each other, in bounded time and number, and not while a server waits for the next connection: one that is slow holds up nobody.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rejoin_tls::{Accepted, Cause, HANDSHAKE_BYTE, Interface, Problem, Shown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tokio_stream::{Stream, StreamExt};

use super::{NodeTls, Notices, Standing};
use crate::links::{Connection, Incoming};

/// What comes in on `incoming`, secured where the node has certificates. Whoever is not trusted comes along with its problem, for [`super::Gate`].
pub(crate) fn listen(incoming: Incoming, tls: Option<&NodeTls>, interface: Interface, notices: &Notices) -> Incoming {
    let notices = notices.clone();
    match tls {
        Some(tls) => Box::pin(Handshakes {
            tls: tls.clone(),
            interface,
            notices,
            under_way: JoinSet::new(),
            incoming: Some(incoming),
        }),
        None => Box::pin(incoming.map(move |accepted| Ok(FirstByte::watch(accepted?, &notices)))),
    }
}

struct Handshakes {
    tls: NodeTls,
    interface: Interface,
    notices: Notices,
    under_way: JoinSet<Option<Connection>>,
    /// `None` once it has ended.
    incoming: Option<Incoming>,
}

impl Stream for Handshakes {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            while this.under_way.len() < this.tls.handshakes_max()
                && let Some(incoming) = &mut this.incoming
            {
                match incoming.as_mut().poll_next(context) {
                    Poll::Ready(Some(Ok(connection))) => {
                        let (tls, notices) = (this.tls.clone(), this.notices.clone());
                        this.under_way
                            .spawn(handshake(connection, tls, this.interface, notices));
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => this.incoming = None,
                    Poll::Pending => break,
                }
            }
            match ready!(this.under_way.poll_join_next(context)) {
                Some(Ok(Some(connection))) => return Poll::Ready(Some(Ok(connection))),
                // It came to nothing, which was said where it was worth saying.
                Some(_) => {}
                None if this.incoming.is_none() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
    }
}

/// The connection after its handshake, if there is one.
async fn handshake(connection: Connection, tls: NodeTls, interface: Interface, notices: Notices) -> Option<Connection> {
    let mut caller = connection.caller().clone();
    let (place, within) = (caller.place(), tls.handshake_timeout());
    let accepted = tls.identity().accept(connection, interface, &place, within).await;
    let refused = |problem: Problem| {
        notices.refused(&place, &problem);
        Standing::Refused(Arc::new(problem))
    };
    match accepted {
        Ok(Accepted::Secure(stream, shown)) => {
            caller.standing = match shown {
                Shown::Nothing => Standing::Anonymous,
                Shown::Trusted(certificate) => Standing::Certified(certificate),
                Shown::Refused(problem) => refused(problem),
            };
            Some(Connection::of(*stream, caller))
        }
        Ok(Accepted::Plain(stream, problem)) => {
            caller.standing = refused(problem);
            Some(Connection::of(stream, caller))
        }
        Ok(Accepted::Nobody) => None,
        Err(problem) => {
            notices.refused(&place, &problem);
            None
        }
    }
}

/// A connection of a node without certificates, whose first byte tells whether its caller expects TLS: it will get no answer that it understands, so
/// the log has to say why.
struct FirstByte {
    inner: Connection,
    /// `None` once the byte was seen.
    notices: Option<Notices>,
}

impl FirstByte {
    fn watch(connection: Connection, notices: &Notices) -> Connection {
        let caller = connection.caller().clone();
        let watched = Self {
            inner: connection,
            notices: Some(notices.clone()),
        };
        Connection::of(watched, caller)
    }
}

impl AsyncRead for FirstByte {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if let Some(first) = buffer.filled().get(before)
            && let Some(notices) = self.notices.take()
            && *first == HANDSHAKE_BYTE
        {
            let who = self.inner.caller().place();
            let cause = Cause::CallsInTls;
            notices.refused(&who.clone(), &Problem { who, cause });
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FirstByte {
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
