//! Answers that come in pieces: the client takes them as fast as it can, and what it has not taken is bounded.

use std::future::Future;
use std::io::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::answer;
use crate::node::NodeContext;

/// Bytes on their way to the client, or one piece that is larger.
const WINDOW_BYTES: usize = 512 << 10;

/// Pieces on their way to the client, and one more for an error.
const WINDOW: usize = 8;

/// Bytes of a piece, and one row more.
const PIECE_BYTES: usize = 64 << 10;

/// How long a client may take nothing before its answer ends.
const STALLED_AFTER: Duration = Duration::from_secs(60);

/// The client is gone, takes nothing, or the rows cannot be read; the answer breaks off.
#[derive(Debug)]
pub(super) struct Broken;

type Piece = Result<Bytes, Error>;

/// Where the pieces of one answer go. Unless it is [ended](Self::end) the answer breaks off: without an error the client would take it for whole.
pub(super) struct Pieces {
    sender: mpsc::Sender<Piece>,
    window: Arc<Semaphore>,
    /// The place of the error: a client that takes nothing leaves no other.
    error: Option<OwnedPermit<Piece>>,
    held: String,
    until: Option<Instant>,
}

/// A piece that keeps its part of the window until it is sent.
struct Held {
    text: String,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// Where pieces go, and the body that they come out of.
pub(super) fn pieces() -> (Pieces, Body) {
    let (pieces, receiver) = channel();
    (pieces, Body::from_stream(ReceiverStream::new(receiver)))
}

fn channel() -> (Pieces, mpsc::Receiver<Piece>) {
    let (sender, receiver) = mpsc::channel(WINDOW + 1);
    let pieces = Pieces {
        // Nothing has been sent, so there is room.
        error: sender.clone().try_reserve_owned().ok(),
        sender,
        window: Arc::new(Semaphore::new(WINDOW_BYTES)),
        held: String::new(),
        until: None,
    };
    (pieces, receiver)
}

impl Pieces {
    /// Breaks off an answer that has not ended by then, however well it goes.
    pub(super) fn until(&mut self, until: Instant) {
        self.until = Some(until);
    }

    /// Adds a text, which goes out with others.
    pub(super) async fn add(&mut self, text: &str) -> Result<(), Broken> {
        self.held.push_str(text);
        match self.held.len() >= PIECE_BYTES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Sends what is held back.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        if self.held.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.held);
        let now = Instant::now();
        let stalled = now + STALLED_AFTER;
        let until = self.until.map_or(stalled, |until| until.min(stalled));
        if until <= now {
            return Err(Broken);
        }
        match tokio::time::timeout_at(until, self.send(text)).await {
            Ok(sent) => sent,
            Err(_) => Err(Broken),
        }
    }

    async fn send(&self, text: String) -> Result<(), Broken> {
        // Far below 4 Gi.
        let bytes = text.len().min(WINDOW_BYTES) as u32;
        let permit = tokio::select! {
            biased;
            permit = Arc::clone(&self.window).acquire_many_owned(bytes) => permit.map_err(|_| Broken)?,
            () = self.sender.closed() => return Err(Broken),
        };
        let piece = Bytes::from_owner(Held { text, _permit: permit });
        self.sender.send(Ok(piece)).await.map_err(|_| Broken)
    }

    /// Sends the last piece: the answer is whole.
    pub(super) async fn end(mut self) -> Result<(), Broken> {
        self.flush().await?;
        self.error = None;
        Ok(())
    }

    /// Ends when the client is gone.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(error) = self.error.take() {
            error.send(Err(Error::other("the answer broke off")));
        }
    }
}

/// An answer that `write` makes, piece by piece.
pub(super) fn answer<F, W>(context: &NodeContext, write: F) -> Response
where
    F: FnOnce(Pieces) -> W,
    W: Future<Output = Result<Pieces, Broken>> + Send + 'static,
{
    let (pieces, body) = pieces();
    let writing = write(pieces);
    context.tasks.spawn(async move {
        if let Ok(pieces) = writing.await {
            // Nobody is left who could be told more than the client is.
            let _ = pieces.end().await;
        }
    });
    answer::stream(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is there to be taken, and whether it ends with an error.
    async fn taken(mut receiver: mpsc::Receiver<Piece>) -> (usize, bool) {
        let mut bytes = 0;
        while let Some(piece) = receiver.recv().await {
            match piece {
                Ok(piece) => bytes += piece.len(),
                Err(_) => return (bytes, true),
            }
        }
        (bytes, false)
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_never_looks_whole() {
        let (mut pieces, receiver) = channel();
        for _ in 0..WINDOW {
            pieces.add("x").await.unwrap();
            pieces.flush().await.unwrap();
        }
        drop(pieces);
        assert_eq!(taken(receiver).await, (WINDOW, true));
        let (mut pieces, receiver) = channel();
        pieces.add("x").await.unwrap();
        pieces.end().await.unwrap();
        assert_eq!(taken(receiver).await, (1, false));
    }

    #[tokio::test]
    async fn what_is_not_taken_is_bounded_in_bytes_and_a_larger_piece_goes_alone() {
        let (mut pieces, mut receiver) = channel();
        let large = "x".repeat(WINDOW_BYTES + 1);
        pieces.add(&large).await.unwrap();
        pieces.until(Instant::now() + Duration::from_millis(100));
        pieces.add(&large).await.unwrap_err();
        let first = receiver.recv().await.unwrap().unwrap();
        pieces.until(Instant::now() + Duration::from_secs(30));
        let part = first.slice(..1);
        drop(first);
        assert_eq!(pieces.window.available_permits(), 0, "a part of it is not sent");
        drop(part);
        pieces.add(&large).await.unwrap();
        pieces.end().await.unwrap();
        assert_eq!(taken(receiver).await, (large.len(), false));
    }

    #[tokio::test]
    async fn a_client_that_takes_its_answer_slowly_has_a_deadline() {
        let (mut pieces, mut receiver) = channel();
        pieces.until(Instant::now() + Duration::from_millis(200));
        tokio::spawn(async move {
            while receiver.recv().await.is_some() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let text = "x".repeat(PIECE_BYTES);
        let begun = Instant::now();
        while pieces.add(&text).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
    }
}
