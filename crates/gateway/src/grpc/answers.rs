//! The answers of a stream that wait for a slow client: bounded in number and in bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;
use tonic::Status;

/// Bytes of answers that wait, in KiB. One larger answer waits alone.
const WINDOW_KIB: u32 = 2 * 1024;

/// An answer, and its share of the window until the client's connection takes it.
type Waiting<T> = (Result<T, Status>, Option<OwnedSemaphorePermit>);

/// The half that the service holds.
pub(super) struct AnswerSender<T> {
    answers: mpsc::Sender<Waiting<T>>,
    window: Arc<Semaphore>,
}

/// The half that goes to the client.
pub(super) struct Answers<T> {
    answers: mpsc::Receiver<Waiting<T>>,
}

/// The client is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// A stream of answers of which at most `count_max`, and about 2 MiB, wait.
pub(super) fn answers<T>(count_max: usize) -> (AnswerSender<T>, Answers<T>) {
    let (sender, receiver) = mpsc::channel(count_max);
    let window = Arc::new(Semaphore::new(WINDOW_KIB as usize));
    (
        AnswerSender {
            answers: sender,
            window,
        },
        Answers { answers: receiver },
    )
}

impl<T: prost::Message> AnswerSender<T> {
    /// Sends an answer; waits while too much waits.
    pub(super) async fn send(&self, answer: T) -> Result<(), Gone> {
        let kib = u32::try_from(answer.encoded_len() / 1024).unwrap_or(WINDOW_KIB);
        let window = Arc::clone(&self.window).acquire_many_owned(kib.min(WINDOW_KIB));
        let permit = tokio::select! {
            biased;
            permit = window => permit.map_err(|_| Gone)?,
            () = self.answers.closed() => return Err(Gone),
        };
        self.answers.send((Ok(answer), Some(permit))).await.map_err(|_| Gone)
    }

    /// Ends the stream with an error. The client may be gone.
    pub(super) async fn fail(self, status: impl Into<Status>) {
        let _ = self.answers.send((Err(status.into()), None)).await;
    }

    /// Resolves once the client is gone.
    pub(super) async fn closed(&self) {
        self.answers.closed().await;
    }
}

impl<T> Stream for Answers<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.answers
            .poll_recv(context)
            .map(|waiting| waiting.map(|(answer, _)| answer))
    }
}

#[cfg(test)]
mod tests {
    use rejoin_api::proto::{Document, ExportDocumentsResponse};
    use tokio_stream::StreamExt;

    use super::*;

    fn large(bytes: usize) -> ExportDocumentsResponse {
        let document = Document {
            body: vec![0; bytes].into(),
            ..Document::default()
        };
        ExportDocumentsResponse {
            document: Some(document),
            ..ExportDocumentsResponse::default()
        }
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_holds_the_service_back_by_bytes() {
        let (sender, mut receiver) = answers(100);
        let sending = tokio::spawn(async move {
            for _ in 0..10 {
                sender.send(large(1 << 20)).await.unwrap();
            }
        });
        for _ in 0..10 {
            // One thread: the sender runs until it has to wait.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            assert!(receiver.answers.len() <= 2, "{} MiB wait", receiver.answers.len());
            assert!(receiver.next().await.unwrap().is_ok());
        }
        assert!(receiver.next().await.is_none());
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_larger_than_the_window_is_sent_alone_and_a_client_that_leaves_is_noticed() {
        let (sender, mut receiver) = answers(100);
        sender.send(large(8 << 20)).await.unwrap();
        assert!(receiver.next().await.unwrap().is_ok());
        sender.send(large(8 << 20)).await.unwrap();
        let waiting = tokio::spawn(async move { sender.send(large(1 << 20)).await });
        drop(receiver);
        assert!(waiting.await.unwrap().is_err());
    }
}
