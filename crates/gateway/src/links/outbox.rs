//! What a driver has to send and the connection does not take yet.

use std::collections::VecDeque;

use tokio::sync::mpsc;

/// Messages that may wait: more than the window of the protocol lets through of the smallest batches.
const WAITING_MAX: usize = 65_536;

/// Bytes of messages that may wait, exceeded by a single message only. Batches are bounded by the window; this bounds the answers to a peer that
/// asks and does not read.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Messages that the transport may hold beside those.
const TRANSPORT_MAX: usize = 16;

/// The other half does not read: more waits than may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer takes no messages")]
pub(crate) struct Full;

/// Messages in the order in which they were sent.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    waiting: VecDeque<(T, usize)>,
    waiting_bytes: usize,
    transport: mpsc::Sender<T>,
}

impl<T> Outbox<T> {
    /// An empty outbox and what the transport reads from.
    pub(crate) fn new() -> (Self, mpsc::Receiver<T>) {
        let (transport, receiver) = mpsc::channel(TRANSPORT_MAX);
        (
            Self {
                waiting: VecDeque::new(),
                waiting_bytes: 0,
                transport,
            },
            receiver,
        )
    }

    /// Queues a message of so many bytes.
    ///
    /// # Errors
    ///
    /// Too much waits already: give the connection up.
    pub(crate) fn push(&mut self, message: T, bytes: usize) -> Result<(), Full> {
        if self.waiting.len() >= WAITING_MAX || self.waiting_bytes >= WAITING_BYTES_MAX {
            return Err(Full);
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes);
        self.waiting.push_back((message, bytes));
        // What the transport takes at once does not wait for the next turn of the loop.
        while !self.waiting.is_empty()
            && let Ok(permit) = self.transport.clone().try_reserve_owned()
            && let Some(message) = self.pop()
        {
            permit.send(message);
        }
        Ok(())
    }

    /// Hands one message to the transport once it takes it; never ends while there is none. May be dropped at any time.
    pub(crate) async fn pump(&mut self) {
        if self.waiting.is_empty() {
            std::future::pending::<()>().await;
        }
        match self.transport.clone().reserve_owned().await {
            Ok(permit) => {
                if let Some(message) = self.pop() {
                    permit.send(message);
                }
            }
            // The transport is gone, which its reading half reports.
            Err(_) => std::future::pending().await,
        }
    }

    fn pop(&mut self) -> Option<T> {
        let (message, bytes) = self.waiting.pop_front()?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        Some(message)
    }

    /// Hands everything over, then closes.
    pub(crate) async fn finish(mut self) {
        while let Some(message) = self.pop() {
            if self.transport.send(message).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_keep_their_order_however_full_the_transport_is() {
        let (mut outbox, mut transport) = Outbox::new();
        (0..100).for_each(|number| outbox.push(number, 1).unwrap());
        for expected in 0..100 {
            tokio::select! {
                biased;
                () = outbox.pump() => {}
                () = std::future::ready(()) => {}
            }
            assert_eq!(transport.recv().await, Some(expected));
        }
    }

    #[tokio::test]
    async fn a_reader_that_stopped_is_noticed() {
        let (mut outbox, _transport) = Outbox::new();
        let taken = (0..).take_while(|number| outbox.push(*number, 1).is_ok()).count();
        assert_eq!(taken, WAITING_MAX + TRANSPORT_MAX);
        let (mut outbox, _transport) = Outbox::new();
        let large = WAITING_BYTES_MAX / 4 + 1;
        let taken = (0..).take_while(|number| outbox.push(*number, large).is_ok()).count();
        assert_eq!(taken, 4 + TRANSPORT_MAX);
    }
}
