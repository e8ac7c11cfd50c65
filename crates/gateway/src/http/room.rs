//! What answers take that are made as a whole: they lie in memory until their clients have taken them, so all of them share one bound.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::HttpError;
use crate::config::ANSWER_BYTES_MAX;
use crate::node::NodeContext;

/// Bytes of each answer that take no room: there are no more of them than connections.
const FREE_BYTES: usize = 64 << 10;

/// A text that becomes an answer.
#[derive(Debug)]
pub(super) struct Room {
    left: Arc<Semaphore>,
    free: usize,
    taken: Option<OwnedSemaphorePermit>,
    text: String,
}

/// Bytes with what they occupy, until the last part of them is sent.
struct Held {
    text: String,
    _taken: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Room {
    /// No text yet; it takes its room of that of all answers.
    pub(super) fn new(context: &NodeContext) -> Self {
        Self::of(Arc::clone(&context.answers), FREE_BYTES)
    }

    fn of(left: Arc<Semaphore>, free: usize) -> Self {
        let (taken, text) = (None, String::new());
        Self {
            left,
            free,
            taken,
            text,
        }
    }

    /// Adds to the text.
    ///
    /// # Errors
    ///
    /// `too_large`: the answer would have more than [`ANSWER_BYTES_MAX`] bytes; `overloaded`: all answers together have no room for it. The text is as
    /// it was.
    pub(super) fn add(&mut self, text: &str) -> Result<(), HttpError> {
        if self.text.len() + text.len() > ANSWER_BYTES_MAX {
            let reason = format!("the answer has more than {ANSWER_BYTES_MAX} bytes; ask for less at once");
            return Err(HttpError::too_large(reason));
        }
        let beyond = |bytes: usize| bytes.saturating_sub(self.free);
        let bytes = beyond(self.text.len() + text.len()) - beyond(self.text.len());
        // An answer is far shorter than 4 GiB.
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.left).try_acquire_many_owned(permits).map_err(|_| {
            HttpError::overloaded("this node holds as many answers as it has room for; try again later")
        })?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The answer's body, which keeps its room until the client has taken it.
    pub(super) fn into_body(self) -> Body {
        Body::from(self.into_bytes())
    }

    fn into_bytes(self) -> Bytes {
        Bytes::from_owner(Held {
            text: self.text,
            _taken: self.taken,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_its_room_until_the_last_byte_of_it_is_sent() {
        let left = Arc::new(Semaphore::new(10));
        let mut room = Room::of(Arc::clone(&left), 0);
        room.add("seven b").unwrap();
        assert_eq!(room.add("and more").unwrap_err().error, "overloaded");
        room.add("ytes").unwrap_err();
        room.add("yte").unwrap();
        let mut bytes = room.into_bytes();
        let first = bytes.split_to(4);
        drop(bytes);
        assert_eq!((first.as_ref(), left.available_permits()), (&b"seve"[..], 0));
        drop(first);
        assert_eq!(left.available_permits(), 10);
    }

    #[test]
    fn a_short_answer_needs_no_room() {
        let left = Arc::new(Semaphore::new(3));
        let mut room = Room::of(Arc::clone(&left), 4);
        room.add("four").unwrap();
        assert_eq!(left.available_permits(), 3);
        room.add("and").unwrap();
        assert_eq!(left.available_permits(), 0);
        assert_eq!(room.add("x").unwrap_err().error, "overloaded");
    }

    #[test]
    fn an_answer_that_is_given_up_leaves_its_room_at_once() {
        let left = Arc::new(Semaphore::new(ANSWER_BYTES_MAX + 10));
        let mut room = Room::of(Arc::clone(&left), 0);
        room.add(&"x".repeat(ANSWER_BYTES_MAX)).unwrap();
        assert_eq!(room.add("x").unwrap_err().error, "too_large");
        drop(room);
        assert_eq!(left.available_permits(), ANSWER_BYTES_MAX + 10);
    }
}
