//! How connections are made: the only place that names TCP, so that a simulated network can stand here.
//!
//! Everything above, links and services alike, runs over [`Connection`]s and does not know where they come from.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::{Stream, StreamExt, wrappers::TcpListenerStream};
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::tls::Caller;

/// A boxed future of a [`Transport`].
pub type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Connections as they come in.
pub type Incoming = Pin<Box<dyn Stream<Item = io::Result<Connection>> + Send>>;

/// Makes and accepts connections.
pub trait Transport: Send + Sync + 'static {
    /// Dials `address`, which has a host and a port.
    fn connect(&self, address: Uri) -> Pending<Connection>;

    /// Listens on `address`; the answer tells the address that was bound.
    fn listen(&self, address: SocketAddr) -> Pending<(SocketAddr, Incoming)>;
}

trait Io: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// One byte stream between two processes.
pub struct Connection {
    io: Pin<Box<dyn Io>>,
    caller: Caller,
}

impl Connection {
    /// Wraps whatever carries the bytes.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self::of(stream, Caller::default())
    }

    /// Wraps what carries the bytes of somebody at an address.
    pub fn from_address(stream: impl AsyncRead + AsyncWrite + Send + 'static, address: Option<IpAddr>) -> Self {
        let caller = Caller {
            address,
            ..Caller::default()
        };
        Self::of(stream, caller)
    }

    pub(crate) fn of(stream: impl AsyncRead + AsyncWrite + Send + 'static, caller: Caller) -> Self {
        Self {
            io: Box::pin(stream),
            caller,
        }
    }

    /// Who is at the other end, as far as it is known.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection")
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.caller.clone()
    }
}

/// Plain TCP without Nagle's delay.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpTransport;

impl Transport for TcpTransport {
    fn connect(&self, address: Uri) -> Pending<Connection> {
        Box::pin(async move {
            let authority = address
                .authority()
                .ok_or_else(|| io::Error::other("the address names no host"))?;
            let stream = TcpStream::connect(authority.as_str()).await?;
            stream.set_nodelay(true)?;
            Ok(Connection::new(stream))
        })
    }

    fn listen(&self, address: SocketAddr) -> Pending<(SocketAddr, Incoming)> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            let bound = listener.local_addr()?;
            let incoming = TcpListenerStream::new(listener).map(|accepted| {
                let stream = accepted?;
                stream.set_nodelay(true)?;
                let address = stream.peer_addr().ok().map(|address| address.ip());
                Ok(Connection::from_address(stream, address))
            });
            let incoming: Incoming = Box::pin(incoming);
            Ok((bound, incoming))
        })
    }
}

/// Times of one outgoing connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DialTimes {
    /// How long an attempt may take.
    pub connect_timeout: Duration,
    /// How often an open connection is probed.
    pub keepalive_interval: Duration,
    /// How long a probe may stay unanswered before the connection is given up.
    pub keepalive_timeout: Duration,
}

/// A channel that dials `address` by `connect` when it is first used, and is probed so that a connection whose other half
/// is gone is noticed.
pub(super) fn channel<C>(connect: C, address: &Uri, times: DialTimes) -> Channel
where
    C: Fn(Uri) -> Pending<Connection> + Send + 'static,
{
    let connector = tower::service_fn(move |uri: Uri| {
        let connecting = connect(uri);
        async move { connecting.await.map(TokioIo::new) }
    });
    Endpoint::from(address.clone())
        .connect_timeout(times.connect_timeout)
        .http2_keep_alive_interval(times.keepalive_interval)
        .keep_alive_timeout(times.keepalive_timeout)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .connect_with_connector_lazy(connector)
}

/// HTTP/2 flow control of a link: enough for one batch to be on its way while the next is made.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;
