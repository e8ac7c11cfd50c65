//! The answers of a stream that wait for a slow client: bounded in number and in bytes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;
use tonic::Status;

use super::error::Failure;
use crate::caught::Panicked;

/// Bytes of answers that wait, in KiB. One larger answer waits alone.
const WINDOW_KIB: u32 = 2 * 1024;

/// An answer, and its share of the window until the client's connection takes it.
type Waiting<T> = (T, OwnedSemaphorePermit);

/// The error that the stream ends with once what waits was taken: it needs no room among the answers.
type Ending = Arc<Mutex<Option<Status>>>;

/// The half that the service holds.
pub(super) struct AnswerSender<T> {
    answers: mpsc::Sender<Waiting<T>>,
    window: Arc<Semaphore>,
    ending: Ending,
}

/// The half that goes to the client.
pub(super) struct Answers<T> {
    answers: mpsc::Receiver<Waiting<T>>,
    ending: Ending,
}

/// The client is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// A stream of answers of which at most `count_max`, and about 2 MiB, wait.
pub(super) fn answers<T>(count_max: usize) -> (AnswerSender<T>, Answers<T>) {
    let (sender, receiver) = mpsc::channel(count_max);
    let window = Arc::new(Semaphore::new(WINDOW_KIB as usize));
    let ending = Ending::default();
    (
        AnswerSender {
            answers: sender,
            window,
            ending: Arc::clone(&ending),
        },
        Answers {
            answers: receiver,
            ending,
        },
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
        self.answers.send((answer, permit)).await.map_err(|_| Gone)
    }

    /// Ends the stream with an error, after what waits. Does not wait for the client, which may be gone, or read nothing any more.
    pub(super) fn fail(self, status: impl Into<Status>) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.into());
    }

    /// Resolves once the client is gone.
    pub(super) async fn closed(&self) {
        self.answers.closed().await;
    }
}

impl<T> Drop for AnswerSender<T> {
    /// A stream whose service panics ends with an error: without one the client would take what it got for all there is.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let status = Failure::from(Panicked).into();
            *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        }
    }
}

impl<T> Stream for Answers<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.answers.poll_recv(context).map(|waiting| match waiting {
            Some((answer, _)) => Some(Ok(answer)),
            None => {
                let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
                ending.take().map(Err)
            }
        })
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

    #[tokio::test]
    async fn a_stream_whose_service_panics_never_looks_whole() {
        let (sender, mut receiver) = answers(2);
        let serving = tokio::spawn(async move {
            sender.send(large(1)).await.unwrap();
            panic!("planted");
        });
        serving.await.unwrap_err();
        assert!(receiver.next().await.unwrap().is_ok());
        assert_eq!(receiver.next().await.unwrap().unwrap_err().code(), tonic::Code::Unknown);
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_does_not_wait_for_a_client_that_reads_nothing_and_comes_after_the_rest() {
        let (sender, mut receiver) = answers(2);
        for _ in 0..2 {
            sender.send(large(1)).await.unwrap();
        }
        sender.fail(Status::resource_exhausted("stalled"));
        for _ in 0..2 {
            assert!(receiver.next().await.unwrap().is_ok());
        }
        assert_eq!(receiver.next().await.unwrap().unwrap_err().message(), "stalled");
        assert!(receiver.next().await.is_none());
    }
}
