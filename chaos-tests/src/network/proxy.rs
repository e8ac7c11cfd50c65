//! A TCP proxy between two nodes that can be told to misbehave.
//!
//! ```text
//!   node that dials ──▶ Proxy.address() ── out ──▶ target
//!                                       ◀─ back ──
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::pump::{count, pump};
use super::{Fault, Flow, Seen};

/// One proxied link. Dropping it drops its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    resets: watch::Sender<()>,
    seen: Arc<Seen>,
    listener: JoinHandle<()>,
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
        let (fault, resets) = (watch::Sender::new(Fault::NONE), watch::Sender::new(()));
        let seen = Arc::new(Seen::default());
        let link = Link {
            target,
            fault: fault.subscribe(),
            resets: resets.subscribe(),
            seen: seen.clone(),
        };
        let listener = tokio::spawn(accept(listener, link));
        Ok(Self {
            address,
            fault,
            resets,
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

    /// Resets every connection, wherever its streams are; new ones are not touched.
    pub fn reset(&self) {
        self.resets.send_replace(());
    }

    /// Ends the fault. What was held is delivered; what was half-closed stays so; a connection of which bytes were swallowed is reset.
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

/// What each connection of a proxy needs.
#[derive(Clone, Debug)]
struct Link {
    target: SocketAddr,
    fault: watch::Receiver<Fault>,
    resets: watch::Receiver<()>,
    seen: Arc<Seen>,
}

async fn accept(listener: TcpListener, link: Link) {
    while let Ok((near, _)) = listener.accept().await {
        count(&link.seen.connections);
        if *link.fault.borrow() == Fault::Cut {
            count(&link.seen.cut);
            continue;
        }
        let mut link = link.clone();
        link.resets.mark_unchanged();
        tokio::spawn(serve(near, link));
    }
}

async fn serve(mut near: TcpStream, mut link: Link) {
    let Ok(mut far) = TcpStream::connect(link.target).await else {
        return;
    };
    // Small frames must not wait for each other; if the option cannot be set they are only slower.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let seen = link.seen.clone();
    let broken = {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        let out = pump(
            near_read,
            far_write,
            link.fault.clone(),
            |flows: (Flow, Flow)| flows.0,
            &seen,
        );
        let back = pump(
            far_read,
            near_write,
            link.fault.clone(),
            |flows: (Flow, Flow)| flows.1,
            &seen,
        );
        // An error means that the proxy is gone.
        let cut = async { link.fault.wait_for(|fault| *fault == Fault::Cut).await.is_ok() };
        tokio::select! {
            biased;
            _ = cut => {
                count(&seen.cut);
                false
            }
            Ok(()) = link.resets.changed() => true,
            ended = async { tokio::try_join!(out, back) } => ended.is_err(),
        }
    };
    if broken {
        count(&seen.reset);
        // Without lingering, closing sends a reset and discards what waits; otherwise it would be an orderly end.
        let _ = (near.set_zero_linger(), far.set_zero_linger());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
        let begun = Instant::now();
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

    /// A connection through a proxy over which one round trip was made.
    async fn connected() -> (Proxy, TcpStream) {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(round(&mut stream, b"one").await.unwrap(), b"one");
        (proxy, stream)
    }

    fn out(flow: Flow) -> Fault {
        Fault::Flows {
            out: flow,
            back: Flow::Pass,
        }
    }

    #[tokio::test]
    async fn a_reset_ends_a_connection_with_an_error_and_the_next_one_passes() {
        let (proxy, mut stream) = connected().await;
        proxy.reset();
        let mut byte = [0; 1];
        let error = tokio::time::timeout(LONG, stream.read(&mut byte))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(round(&mut stream, b"two").await.unwrap(), b"two");
        assert_eq!(proxy.seen().reset.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_was_swallowed_never_arrives_and_the_connection_is_reset_afterwards() {
        let (proxy, mut stream) = connected().await;
        proxy.set(out(Flow::Swallow));
        stream.write_all(b"gone").await.unwrap();
        let mut answer = [0; 4];
        assert!(
            tokio::time::timeout(SHORT, stream.read(&mut answer)).await.is_err(),
            "silence"
        );
        proxy.resume();
        let ended = tokio::time::timeout(LONG, stream.read(&mut answer)).await.unwrap();
        assert!(ended.is_err(), "{ended:?}");
        assert_eq!(proxy.seen().swallowed.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn of_a_truncated_chunk_the_beginning_arrives() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut near = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        proxy.set(out(Flow::Truncate));
        near.write_all(b"abcd").await.unwrap();
        let mut half = [0; 2];
        tokio::time::timeout(LONG, far.read_exact(&mut half))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&half, b"ab");
        let ended = tokio::time::timeout(LONG, far.read(&mut half)).await.unwrap();
        assert!(ended.is_err(), "{ended:?}");
    }

    #[tokio::test]
    async fn a_throttled_link_is_as_slow_as_its_rate() {
        let (proxy, mut stream) = connected().await;
        proxy.set(out(Flow::Throttle(10_000)));
        let begun = Instant::now();
        assert_eq!(round(&mut stream, &[7; 1000]).await.unwrap(), [7; 1000]);
        assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
        assert!(proxy.seen().throttled.load(Ordering::Relaxed) >= 1);
    }
}
