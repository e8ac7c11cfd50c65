//! What a peer has said that it has, in its present incarnation: what counts when a write waits to be durable elsewhere.
//!
//! The rows of the store's matrix only grow, so after a peer was put back to an older disk they claim more than it has. Here all is forgotten that
//! a peer said before it greeted this node under another incarnation, and what still arrives from before is not heard.

use std::collections::BTreeMap;

use rejoin_document::{DatabaseName, Dot, Incarnation, VersionVector};

/// What one peer has said. The databases bound it.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    incarnation: Option<Incarnation>,
    databases: BTreeMap<DatabaseName, VersionVector>,
}

impl Acknowledged {
    /// The peer has greeted this node, or answered its greeting.
    pub(super) fn greeted(&mut self, incarnation: Incarnation) {
        if self.incarnation != Some(incarnation) {
            self.incarnation = Some(incarnation);
            self.databases.clear();
        }
    }

    /// The peer, in this incarnation, has said that it has incorporated these writes; whether that is news.
    pub(super) fn heard(&mut self, incarnation: Incarnation, database: &DatabaseName, has: &VersionVector) -> bool {
        if self.incarnation.is_some_and(|present| present != incarnation) {
            return false;
        }
        self.incarnation = Some(incarnation);
        let known = self.databases.entry(database.clone()).or_default();
        if known.dominates(has) {
            return false;
        }
        known.merge(has);
        true
    }

    /// Whether the peer has said that it has a write.
    pub(super) fn has(&self, database: &DatabaseName, dot: Dot) -> bool {
        self.databases.get(database).is_some_and(|known| known.covers(dot))
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::{HlcTime, ReplicaId};

    use super::*;

    fn dot(time: u64) -> Dot {
        Dot::new(HlcTime(time), ReplicaId([1; 8]))
    }

    fn up_to(time: u64) -> VersionVector {
        [(ReplicaId([1; 8]), HlcTime(time))].into_iter().collect()
    }

    #[test]
    fn what_a_peer_said_counts_until_it_comes_back_as_another() {
        let (database, old, new) = ("things".parse().unwrap(), Incarnation(1), Incarnation(2));
        let mut peer = Acknowledged::default();
        peer.greeted(old);
        assert!(peer.heard(old, &database, &up_to(5)));
        assert!(!peer.heard(old, &database, &up_to(3)), "it is no news");
        assert!(peer.has(&database, dot(5)) && !peer.has(&database, dot(6)));
        peer.greeted(old);
        assert!(peer.has(&database, dot(5)), "the same disk still has it");
        peer.greeted(new);
        assert!(!peer.has(&database, dot(5)), "the restored disk may not have it");
        assert!(!peer.heard(old, &database, &up_to(5)), "a late message of the old one");
        assert!(!peer.has(&database, dot(5)));
        assert!(peer.heard(new, &database, &up_to(5)) && peer.has(&database, dot(5)));
    }
}
