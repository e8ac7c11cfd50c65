//! Which nodes speak for one datacenter: what each link with it, in either direction, has heard of whom and when.
//!
//! A data directory that was copied makes two nodes of one name. Writes that wait for a datacenter, and what is known of it, must be about one of
//! them: who is linked first holds the name for as long as it is heard.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rejoin_document::ReplicaId;
use rejoin_sync::Timestamp;

/// The links with one datacenter that work. Their number bounds it.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    next: u64,
    by_link: BTreeMap<u64, (ReplicaId, Timestamp)>,
}

/// What one link has heard; gone with the link.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Claims>,
    link: u64,
}

impl Claims {
    /// A link that has heard nothing yet.
    pub(super) fn link(self: &Arc<Self>) -> Claim {
        let mut held = self.held();
        held.next += 1;
        Claim {
            claims: Arc::clone(self),
            link: held.next,
        }
    }

    /// Whether another node than this one was heard less than `within_ms` milliseconds ago.
    pub(super) fn are_held_by_another(&self, replica: ReplicaId, now: Timestamp, within_ms: u64) -> bool {
        let held = self.held();
        let mut others = held.by_link.values();
        others.any(|(other, heard)| *other != replica && now.since(*heard) < within_ms)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Notes who is at the other end and when it was last heard; `None`: the link does not work.
    pub(super) fn hears(&self, linked: Option<(ReplicaId, Timestamp)>) {
        let mut held = self.claims.held();
        match linked {
            Some(linked) => drop(held.by_link.insert(self.link, linked)),
            None => drop(held.by_link.remove(&self.link)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.hears(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_linked_holds_the_name_while_it_is_heard() {
        let (original, copy) = (ReplicaId([1; 8]), ReplicaId([2; 8]));
        let claims = Arc::new(Claims::default());
        let is_taken = |replica, now| claims.are_held_by_another(replica, Timestamp(now), 3_000);
        let (pulling, serving) = (claims.link(), claims.link());
        assert!(!is_taken(copy, 10), "nobody was heard");
        pulling.hears(Some((original, Timestamp(1_000))));
        assert!(is_taken(copy, 3_999) && !is_taken(original, 3_999));
        assert!(!is_taken(copy, 4_000), "it has fallen silent");
        serving.hears(Some((original, Timestamp(5_000))));
        pulling.hears(None);
        assert!(is_taken(copy, 6_000), "the other direction works");
        drop(serving);
        assert!(!is_taken(copy, 6_000));
    }
}
