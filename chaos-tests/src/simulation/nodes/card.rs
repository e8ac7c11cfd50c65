//! The network card of a simulated machine: what its node dials, listens on and sends goes through here, to the simulated network and from it.
//!
//! The card lives as long as the node's process and runs with the network, also while the process stands still: as a kernel does, it sends what the
//! process has given it, takes connections, and keeps what comes until its room is full.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use rejoin_gateway::{Connection, Incoming, Pending, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::spawn_local;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Uri;
use turmoil::net::TcpListener;

use super::network::connect;
use super::wire::Wire;

/// Connections that may wait to be served, and requests of a node that may wait for its card.
const WAITING_MAX: usize = 64;

/// What the card keeps in each direction of a connection.
const ROOM_BYTES: usize = 64 * 1024;

/// The card of a process.
pub(super) struct Card {
    requests: mpsc::Receiver<Request>,
    gate: Gate,
}

/// What holds back what a card sends, as long as it is shut. Clones are one. Who waits goes on in the order in which he came: a watch channel of tokio
/// draws that order.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<(AtomicBool, Notify)>);

impl Gate {
    /// Shuts it, or lets go on what has waited.
    pub(super) fn shut(&self, shut: bool) {
        let (is_shut, opened) = &*self.0;
        is_shut.store(shut, Ordering::Relaxed);
        if !shut {
            opened.notify_waiters();
        }
    }

    /// Waits until it is open.
    async fn pass(&self) {
        let (is_shut, opened) = &*self.0;
        // One thread shuts it and waits: nobody opens it in between.
        while is_shut.load(Ordering::Relaxed) {
            opened.notified().await;
        }
    }
}

/// The process's way to its card.
#[derive(Clone)]
pub(super) struct Socket(mpsc::Sender<Request>);

enum Request {
    Dial {
        address: Uri,
        answer: oneshot::Sender<io::Result<Plug>>,
    },
    Listen {
        address: SocketAddr,
        incoming: mpsc::Sender<io::Result<Connection>>,
        answer: oneshot::Sender<io::Result<SocketAddr>>,
    },
}

/// A card, the way to it, and what holds back what it sends.
pub(super) fn card() -> (Card, Socket, Gate) {
    let (requesting, requests) = mpsc::channel(WAITING_MAX);
    let gate = Gate::default();
    let card = Card {
        requests,
        gate: gate.clone(),
    };
    (card, Socket(requesting), gate)
}

impl Card {
    /// Serves the process until the host is crashed.
    pub(super) async fn run(mut self) -> turmoil::Result {
        while let Some(request) = self.requests.recv().await {
            match request {
                Request::Dial { address, answer } => drop(spawn_local(dial(address, answer, self.gate.clone()))),
                Request::Listen {
                    address,
                    incoming,
                    answer,
                } => {
                    let listener = TcpListener::bind(address).await;
                    let bound = listener.as_ref().map_err(copy_of).and_then(TcpListener::local_addr);
                    if let (Ok(listener), Ok(())) = (listener, answer.send(bound)) {
                        spawn_local(listen(listener, incoming, self.gate.clone()));
                    }
                }
            }
        }
        // The world ends the host with the process.
        std::future::pending().await
    }
}

async fn dial(address: Uri, mut answer: oneshot::Sender<io::Result<Plug>>, gate: Gate) {
    let dialled = tokio::select! {
        biased;
        // Nobody waits for it any more.
        () = answer.closed() => return,
        wire = connect(&address) => wire,
    };
    // Who gave up in this moment hangs up.
    let _ = answer.send(dialled.map(|wire| plug(wire, gate)));
}

async fn listen(listener: TcpListener, incoming: mpsc::Sender<io::Result<Connection>>, gate: Gate) {
    loop {
        let accepted = listener.accept().await.and_then(|(stream, _)| Wire::new(stream));
        let accepted = accepted.map(|wire| Connection::new(plug(wire, gate.clone())));
        if incoming.send(accepted).await.is_err() {
            return;
        }
    }
}

/// The process's end of a connection.
struct Plug {
    stream: DuplexStream,
    is_broken: Arc<AtomicBool>,
}

fn plug(wire: Wire, gate: Gate) -> Plug {
    let (stream, far) = tokio::io::duplex(ROOM_BYTES);
    let is_broken = Arc::new(AtomicBool::new(false));
    let plug = Plug {
        stream,
        is_broken: is_broken.clone(),
    };
    spawn_local(async move {
        if carry(wire, far, gate).await.is_err() {
            is_broken.store(true, Ordering::Relaxed);
        }
    });
    plug
}

/// Carries bytes to and fro until the process closes its end; an error: the network has broken the connection.
async fn carry(wire: Wire, far: DuplexStream, gate: Gate) -> io::Result<()> {
    let (mut receiving, mut sending) = tokio::io::split(wire);
    let (mut from_process, mut to_process) = tokio::io::split(far);
    let out = async {
        let mut bytes = vec![0; ROOM_BYTES];
        loop {
            let length = from_process.read(&mut bytes).await.unwrap_or(0);
            gate.pass().await;
            if length == 0 {
                return sending.shutdown().await;
            }
            sending.write_all(&bytes[..length]).await?;
        }
    };
    let back = async {
        let mut bytes = vec![0; ROOM_BYTES];
        loop {
            let length = receiving.read(&mut bytes).await?;
            if length == 0 {
                // The process sees the end, and closes its own.
                let _ = to_process.shutdown().await;
                std::future::pending::<()>().await;
            }
            if to_process.write_all(&bytes[..length]).await.is_err() {
                return Ok::<(), io::Error>(());
            }
        }
    };
    tokio::select! {
        biased;
        ended = out => ended,
        ended = back => ended,
    }
}

impl Transport for Socket {
    fn connect(&self, address: Uri) -> Pending<Connection> {
        let requests = self.0.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let request = Request::Dial { address, answer };
            requests.send(request).await.map_err(|_| unplugged())?;
            let plug = answered.await.map_err(|_| unplugged())??;
            Ok(Connection::new(plug))
        })
    }

    fn listen(&self, address: SocketAddr) -> Pending<(SocketAddr, Incoming)> {
        let requests = self.0.clone();
        Box::pin(async move {
            let (incoming, accepted) = mpsc::channel(WAITING_MAX);
            let (answer, answered) = oneshot::channel();
            let request = Request::Listen {
                address,
                incoming,
                answer,
            };
            requests.send(request).await.map_err(|_| unplugged())?;
            let bound = answered.await.map_err(|_| unplugged())??;
            let incoming: Incoming = Box::pin(ReceiverStream::new(accepted));
            Ok((bound, incoming))
        })
    }
}

impl AsyncRead for Plug {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.remaining();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let is_end = before > 0 && buffer.remaining() == before;
        Poll::Ready(match is_end && self.is_broken.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        })
    }
}

impl AsyncWrite for Plug {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn unplugged() -> io::Error {
    io::Error::other("the machine has no network any more")
}

fn copy_of(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
