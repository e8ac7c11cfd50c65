//! A TCP proxy between two nodes that can be told to misbehave.
//!
//! ```text
//!   node that dials ──▶ Proxy.address() ── out ──▶ target
//!                                       ◀─ back ──
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Fault, Flow};

const CHUNK_BYTES: usize = 16 * 1024;

/// One proxied link. Dropping it drops its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    seen: Arc<Seen>,
    listener: JoinHandle<()>,
}

/// What a proxy has done, so that a test can tell that its faults fired.
#[derive(Debug, Default)]
pub struct Seen {
    /// Connections that were accepted.
    pub connections: AtomicU64,
    /// Connections that a cut dropped or refused.
    pub cut: AtomicU64,
    /// Chunks that were delayed.
    pub delayed: AtomicU64,
    /// Times that a direction was held.
    pub held: AtomicU64,
    /// Directions that were closed.
    pub closed: AtomicU64,
    /// Bytes that passed.
    pub bytes: AtomicU64,
}

impl Proxy {
    /// Listens on a free loopback port and forwards to `target`, which need not listen yet.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port for a proxy")?;
        let address = listener.local_addr()?;
        let (fault, watched) = watch::channel(Fault::NONE);
        let seen = Arc::new(Seen::default());
        let listener = tokio::spawn(accept(listener, target, watched, seen.clone()));
        Ok(Self {
            address,
            fault,
            seen,
            listener,
        })
    }

    /// Where to dial instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the link misbehave from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Ends the fault. What was held is delivered; what was half-closed stays so.
    pub fn resume(&self) {
        self.set(Fault::NONE);
    }

    /// What has happened so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Connections notice the cut and end by themselves.
        self.fault.send_replace(Fault::Cut);
        self.listener.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, fault: watch::Receiver<Fault>, seen: Arc<Seen>) {
    while let Ok((near, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Ordering::Relaxed);
        if *fault.borrow() == Fault::Cut {
            seen.cut.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        tokio::spawn(serve(near, target, fault.clone(), seen.clone()));
    }
}

async fn serve(near: TcpStream, target: SocketAddr, mut fault: watch::Receiver<Fault>, seen: Arc<Seen>) {
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    // Small frames must not wait for each other; if the option cannot be set they are only slower.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let out = pump(near_read, far_write, fault.clone(), |flows| flows.0, &seen);
    let back = pump(far_read, near_write, fault.clone(), |flows| flows.1, &seen);
    let cut = async {
        // An error means that the proxy is gone.
        let _ = fault.wait_for(|fault| *fault == Fault::Cut).await;
    };
    tokio::select! {
        biased;
        () = cut => { seen.cut.fetch_add(1, Ordering::Relaxed); }
        _ = async { tokio::join!(out, back) } => {}
    }
}

/// Forwards one direction until its stream ends or is closed.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    side: impl Fn((Flow, Flow)) -> Flow,
    seen: &Seen,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let flow = current(&mut fault, &side);
        let read = match flow {
            Flow::Close => {
                seen.closed.fetch_add(1, Ordering::Relaxed);
                let _ = to.shutdown().await;
                // The sender is not told; it goes on into the void, as behind a router that forgot the connection.
                while from.read(&mut chunk).await.is_ok_and(|bytes| bytes > 0) {}
                return;
            }
            Flow::Hold => {
                seen.held.fetch_add(1, Ordering::Relaxed);
                if fault.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Flow::Pass | Flow::Delay(_) => tokio::select! {
                biased;
                changed = fault.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                read = from.read(&mut chunk) => read,
            },
        };
        let Ok(bytes @ 1..) = read else {
            let _ = to.shutdown().await;
            return;
        };
        if let Flow::Delay(wait) = flow {
            seen.delayed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
        }
        if to.write_all(&chunk[..bytes]).await.is_err() {
            return;
        }
        seen.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

fn current(fault: &mut watch::Receiver<Fault>, side: &impl Fn((Flow, Flow)) -> Flow) -> Flow {
    match *fault.borrow_and_update() {
        Fault::Flows { out, back } => side((out, back)),
        Fault::Cut => Flow::Pass,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A server that sends back what it receives.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn round(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn bytes_pass_until_a_cut_and_again_on_a_new_connection_after_it() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(round(&mut stream, b"one").await.unwrap(), b"one");
        proxy.set(Fault::Cut);
        assert!(
            tokio::time::timeout(LONG, round(&mut stream, b"two"))
                .await
                .unwrap()
                .is_err()
        );
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(
            tokio::time::timeout(LONG, round(&mut refused, b"three"))
                .await
                .unwrap()
                .is_err()
        );
        proxy.resume();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(round(&mut stream, b"four").await.unwrap(), b"four");
        assert!(proxy.seen().cut.load(Ordering::Relaxed) >= 2);
    }

    #[tokio::test]
    async fn what_was_held_is_delivered_later() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(round(&mut stream, b"one").await.unwrap(), b"one");
        proxy.set(Fault::Flows {
            out: Flow::Hold,
            back: Flow::Pass,
        });
        stream.write_all(b"late").await.unwrap();
        let mut answer = [0; 4];
        assert!(
            tokio::time::timeout(SHORT, stream.read_exact(&mut answer))
                .await
                .is_err(),
            "it must not arrive yet"
        );
        proxy.resume();
        tokio::time::timeout(LONG, stream.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&answer, b"late");
    }

    #[tokio::test]
    async fn a_delay_delays() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.set(Fault::Flows {
            out: Flow::Delay(SHORT),
            back: Flow::Pass,
        });
        let begun = std::time::Instant::now();
        assert_eq!(round(&mut stream, b"slow").await.unwrap(), b"slow");
        assert!(begun.elapsed() >= SHORT);
        assert_eq!(proxy.seen().delayed.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_half_closed_link_ends_one_direction_only() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut near = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        proxy.set(Fault::Flows {
            out: Flow::Pass,
            back: Flow::Close,
        });
        let mut byte = [0; 1];
        assert_eq!(
            tokio::time::timeout(LONG, near.read(&mut byte)).await.unwrap().unwrap(),
            0,
            "the end of the stream"
        );
        near.write_all(b"x").await.unwrap();
        tokio::time::timeout(LONG, far.read_exact(&mut byte))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&byte, b"x");
        assert_eq!(proxy.seen().closed.load(Ordering::Relaxed), 1);
    }
}
