//! Answers that come in pieces: the client takes them as fast as it can, and what it has not taken is bounded.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::answer;
use crate::node::NodeContext;

/// Pieces on their way to the client.
const WINDOW: usize = 8;

/// Bytes of a piece, and one row more.
const PIECE_BYTES: usize = 64 << 10;

/// How long a client may take nothing before its answer ends.
pub(super) const STALLED_AFTER: Duration = Duration::from_secs(60);

/// The client is gone, takes nothing, or the rows cannot be read; the answer breaks off.
#[derive(Debug)]
pub(super) struct Broken;

/// Where the pieces of one answer go.
pub(super) struct Pieces {
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    held: String,
}

impl Pieces {
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
        let piece = Bytes::from(std::mem::take(&mut self.held));
        match tokio::time::timeout(STALLED_AFTER, self.sender.send(Ok(piece))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken),
        }
    }

    /// Ends when the client is gone.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }
}

/// An answer that `write` makes, piece by piece.
pub(super) fn answer<F, W>(context: &NodeContext, write: F) -> Response
where
    F: FnOnce(Pieces) -> W,
    W: Future<Output = Result<Pieces, Broken>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WINDOW);
    let broken = sender.clone();
    let pieces = Pieces {
        sender,
        held: String::new(),
    };
    let writing = write(pieces);
    context.tasks.spawn(async move {
        let ended = match writing.await {
            Ok(mut pieces) => pieces.flush().await,
            Err(broken) => Err(broken),
        };
        if ended.is_err() {
            // Without this the client would take the answer for whole. It may be gone.
            let _ = broken.try_send(Err(std::io::Error::other("the answer broke off")));
        }
    });
    answer::stream(Body::from_stream(ReceiverStream::new(receiver)))
}
