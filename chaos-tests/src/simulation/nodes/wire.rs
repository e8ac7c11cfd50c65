//! One end of a simulated connection, which can be broken from outside: in the middle of a stream, at one end only, in the middle of a frame; and which
//! carries little while the way is thin.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use turmoil::net::TcpStream;

use super::frames::Frames;

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
    frames: Frames,
    /// Until a thin way takes the next frame.
    pause: Option<Pin<Box<Sleep>>>,
}

/// A way from one host to another that carries little. All connections share it.
struct Thin {
    /// The faults that make it so; the thinnest counts. In bytes a second.
    rates: Vec<u32>,
    /// When it takes more, by the clock of the simulation.
    free_at: Duration,
}

struct End {
    local: IpAddr,
    remote: IpAddr,
    breaks: Option<Break>,
    wakers: [Option<Waker>; 2],
}

thread_local! {
    static ENDS: RefCell<Vec<Weak<Mutex<End>>>> = const { RefCell::new(Vec::new()) };
    static THIN: RefCell<BTreeMap<(IpAddr, IpAddr), Thin>> = const { RefCell::new(BTreeMap::new()) };
    /// How often something had to wait for a thin way.
    static WAITED: RefCell<BTreeMap<(IpAddr, IpAddr), u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Forgets the connections of a former simulation.
pub(super) fn reset() {
    ENDS.take();
    THIN.take();
    WAITED.take();
}

/// From now on `from` sends so many bytes a second to `to`, if `on`; else one such fault less says so.
pub(super) fn thin(from: IpAddr, to: IpAddr, bytes_per_second: u32, on: bool) {
    THIN.with_borrow_mut(|all| {
        let way = all.entry((from, to)).or_insert_with(|| Thin {
            rates: Vec::new(),
            free_at: Duration::ZERO,
        });
        if on {
            way.rates.push(bytes_per_second);
        } else if let Some(place) = way.rates.iter().position(|rate| *rate == bytes_per_second) {
            way.rates.remove(place);
        }
        if way.rates.is_empty() {
            all.remove(&(from, to));
        }
    });
}

/// How often something that `from` sends to `to` had to wait because the way was thin, since the simulation began.
pub(super) fn waited(from: IpAddr, to: IpAddr) -> u64 {
    WAITED.with_borrow(|waited| waited.get(&(from, to)).copied().unwrap_or(0))
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
        Ok(Self {
            stream,
            end,
            frames: Frames::default(),
            pause: None,
        })
    }

    /// How many of these bytes may be sent now; they are on their way then. Waits while a thin way takes none.
    fn poll_room(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        let way = {
            let end = lock(&self.end);
            (end.local, end.remote)
        };
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            let (length, counts) = self.frames.next(bytes);
            match take_room(way, counts) {
                Some(Ok(())) => return Poll::Ready(length),
                Some(Err(wait)) => self.pause = Some(Box::pin(tokio::time::sleep(wait))),
                None => return Poll::Ready(bytes.len()),
            }
        }
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
        let room = ready!(self.poll_room(context, bytes));
        let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..room]))?;
        self.frames.sent(&bytes[..sent]);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Whether a thin way takes a frame now that counts so many bytes; an error: after which time it takes one. `None`: the way is not thin.
fn take_room(way: (IpAddr, IpAddr), counts: usize) -> Option<Result<(), Duration>> {
    THIN.with_borrow_mut(|all| {
        let thin = all.get_mut(&way)?;
        let now = turmoil::sim_elapsed().unwrap_or_default();
        if thin.free_at > now {
            WAITED.with_borrow_mut(|waited| *waited.entry(way).or_default() += 1);
            return Some(Err(thin.free_at - now));
        }
        let rate = thin.rates.iter().copied().min().unwrap_or(u32::MAX).max(1);
        thin.free_at = now + Duration::from_secs(1) * u32::try_from(counts).unwrap_or(u32::MAX) / rate;
        Some(Ok(()))
    })
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// What is in there is whole after each statement.
fn lock(end: &Mutex<End>) -> MutexGuard<'_, End> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_thin_way_takes_a_frame_at_a_time_and_the_thinnest_fault_counts() {
        reset();
        let [one, two] = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last)));
        assert_eq!(take_room((one, two), 1_000), None);
        thin(one, two, 512, true);
        thin(one, two, 256, true);
        assert_eq!(take_room((one, two), 1_024), Some(Ok(())));
        assert_eq!(take_room((one, two), 1), Some(Err(Duration::from_secs(4))));
        assert_eq!(take_room((two, one), 1_000), None, "the other direction is as it was");
        assert_eq!((waited(one, two), waited(two, one)), (1, 0));
        thin(one, two, 256, false);
        thin(one, two, 512, false);
        assert_eq!(take_room((one, two), 1_000), None);
    }
}
