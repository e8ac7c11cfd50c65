//! Deletions of a database: which documents went with it.
//!
//! Who deletes a database deletes what he had seen. So a deletion is what its author's node knew of the database, a version vector, and a document
//! is deleted by it if the vector covers all of the document's context. Whatever anybody wrote without the author's knowledge has a context that is
//! not covered: it survives, with all that its author had before him.
//!
//! Several deletions made apart never add up: a document is deleted by any single one that covers it, never by their union, for then no author had
//! seen the whole of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rejoin_document::{DatacenterName, ReplicaId, VersionVector};

/// One deletion of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// The datacenter where it was asked for.
    pub datacenter: DatacenterName,
    /// When, in milliseconds since 1970 by the author's clock.
    pub unix_ms: u64,
    /// What the author's node had incorporated.
    pub seen: VersionVector,
}

/// All deletions of a database that are known here; one for each replica that asked for any, its latest, which covers its former ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Deletions {
    by_replica: Arc<BTreeMap<ReplicaId, Deletion>>,
}

impl Deletions {
    /// Was the database never deleted?
    pub(crate) fn is_empty(&self) -> bool {
        self.by_replica.is_empty()
    }

    /// Takes in a deletion; false if it is known.
    pub(crate) fn learn(&mut self, replica: ReplicaId, deletion: Deletion) -> bool {
        if self.by_replica.get(&replica) == Some(&deletion) {
            return false;
        }
        Arc::make_mut(&mut self.by_replica).insert(replica, deletion);
        true
    }

    /// Whether a document of this context went with the database.
    pub(crate) fn cover(&self, context: &VersionVector) -> bool {
        self.by_replica
            .values()
            .any(|deletion| deletion.seen.dominates(context))
    }

    /// The newest deletion, for people.
    pub(crate) fn newest(&self) -> Option<&Deletion> {
        self.by_replica.values().max_by_key(|deletion| deletion.unix_ms)
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::HlcTime;

    use super::*;

    fn vector(entries: &[(u8, u64)]) -> VersionVector {
        let entries = entries.iter();
        entries
            .map(|(replica, time)| (ReplicaId([*replica; 8]), HlcTime(*time)))
            .collect()
    }

    #[test]
    fn a_document_goes_with_one_deletion_that_covers_it_and_never_with_the_union_of_several() {
        let mut deletions = Deletions::default();
        for (replica, seen) in [(1, vector(&[(1, 5), (2, 1)])), (2, vector(&[(1, 1), (2, 5)]))] {
            let deletion = Deletion {
                datacenter: "east".parse().unwrap(),
                unix_ms: 1,
                seen,
            };
            assert!(deletions.learn(ReplicaId([replica; 8]), deletion.clone()));
            assert!(!deletions.learn(ReplicaId([replica; 8]), deletion));
        }
        assert!(deletions.cover(&vector(&[(1, 5), (2, 1)])) && deletions.cover(&vector(&[(2, 5)])));
        assert!(!deletions.cover(&vector(&[(1, 2), (2, 2)])) && !deletions.cover(&vector(&[(3, 1)])));
    }
}
