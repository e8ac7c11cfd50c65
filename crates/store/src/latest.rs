//! The latest state of something, for tasks that follow it.
//!
//! As tokio's `watch`, but those who wait are woken in the order in which they began to: `watch` spreads them over random lists, and a simulation
//! would not give the same run for the same seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The latest state of something. Clones are one. A task that is slow to look sees the newest, and nothing piles up.
#[derive(Debug)]
pub struct Latest<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    current: Mutex<Current<T>>,
    news: Notify,
}

#[derive(Debug)]
struct Current<T> {
    value: T,
    /// Counts the changes.
    version: u64,
}

/// Follows a [`Latest`]. What it was when the follower was made counts as seen.
#[derive(Debug)]
pub struct Follower<T> {
    shared: Arc<Shared<T>>,
    /// `None`: nothing was seen.
    seen: Option<u64>,
}

impl<T> Latest<T> {
    /// It begins as `value`.
    pub fn new(value: T) -> Self {
        let shared = Shared {
            current: Mutex::new(Current { value, version: 0 }),
            news: Notify::new(),
        };
        Self(Arc::new(shared))
    }

    /// Changes it, and wakes all followers.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        {
            let mut current = self.0.lock();
            change(&mut current.value);
            current.version = current.version.wrapping_add(1);
        }
        self.0.news.notify_waiters();
    }

    /// Follows it from now on.
    pub fn follow(&self) -> Follower<T> {
        let seen = Some(self.0.lock().version);
        Follower {
            shared: Arc::clone(&self.0),
            seen,
        }
    }
}

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Follower<T> {
    /// Waits until it has changed since it was last seen, and has seen it then. May be dropped at any time.
    pub async fn changed(&mut self) {
        loop {
            // Made before the look, it is woken by every change after the look.
            let news = self.shared.news.notified();
            let version = self.shared.lock().version;
            if self.seen != Some(version) {
                self.seen = Some(version);
                return;
            }
            news.await;
        }
    }

    /// Whether it has changed since it was last seen.
    pub fn has_news(&self) -> bool {
        self.seen != Some(self.shared.lock().version)
    }

    /// What it was when the follower was made does not count as seen.
    pub fn unseen(mut self) -> Self {
        self.seen = None;
        self
    }
}

impl<T: Clone> Follower<T> {
    /// What it is now; it counts as seen.
    pub fn look(&mut self) -> T {
        let current = self.shared.lock();
        self.seen = Some(current.version);
        current.value.clone()
    }
}

impl<T> Shared<T> {
    /// A panic in a change leaves a value that was whole before each statement.
    fn lock(&self) -> MutexGuard<'_, Current<T>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_seen_once_and_none_is_missed() {
        let latest = Latest::new(0);
        let mut follower = latest.follow();
        latest.update(|value| *value = 1);
        latest.update(|value| *value = 2);
        follower.changed().await;
        assert_eq!(follower.look(), 2);
        let mut waiting = Box::pin(follower.changed());
        assert!(futures_are_pending(&mut waiting).await);
        latest.clone().update(|value| *value = 3);
        waiting.await;
        latest.follow().unseen().changed().await;
    }

    #[tokio::test]
    async fn followers_are_woken_in_the_order_in_which_they_began_to_wait() {
        for _ in 0..20 {
            let (latest, order) = (Latest::new(()), Arc::new(Mutex::new(Vec::new())));
            let tasks: Vec<_> = (0..30)
                .map(|number| {
                    let (mut follower, order) = (latest.follow(), Arc::clone(&order));
                    tokio::spawn(async move {
                        follower.changed().await;
                        order.lock().unwrap().push(number);
                    })
                })
                .collect();
            tokio::task::yield_now().await;
            latest.update(|()| ());
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
        }
    }

    async fn futures_are_pending(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        tokio::select! {
            biased;
            () = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
