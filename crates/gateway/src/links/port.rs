//! The store as the link protocol sees it. Here are the reads, which cannot fail where the protocol has no answer for it.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, HlcTime, ReplicaId, Sequence, SetHash, VersionVector};
use rejoin_store::{ReadError, Store};
use rejoin_sync::{
    Backlog, BucketEntries, DatabaseHello, DatabaseState, Digest, Documents, Item, Local, Scan, ServerIdentity,
    Timestamp, Watermark,
};
use tokio::sync::broadcast;

use super::Hub;
use super::board::Reached;
use super::changes::ChangeFeed;
use crate::clock::{WallClock, drift_s};
use crate::metrics::Metrics;
use crate::node::{Commits, long_read};

/// Databases whose knowledge moved that a slow listener may lag behind before it has to look for itself.
const MOVED_MAX: usize = 1024;

/// Documents that are counted at most when somebody wants to know how much is left: a fraction of a second.
const COUNTED_MAX: u64 = 250_000;

/// Documents that are counted at most for a figure: a few milliseconds.
const SAMPLED_MAX: u64 = 10_000;

/// The store, for the drivers of links. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Port {
    pub(super) store: Store,
    pub(super) commits: Commits,
    pub(super) hub: Arc<Hub>,
    pub(super) metrics: Metrics,
    wall: WallClock,
    pub(super) moved: broadcast::Sender<DatabaseName>,
}

impl Port {
    /// A port to `store`, whose writes go through `commits`.
    pub(crate) fn new(store: Store, commits: Commits, hub: Arc<Hub>, metrics: Metrics, wall: WallClock) -> Self {
        Self {
            store,
            commits,
            hub,
            metrics,
            wall,
            moved: broadcast::Sender::new(MOVED_MAX),
        }
    }

    /// The node's datacenter.
    pub(crate) fn datacenter(&self) -> DatacenterName {
        self.store.identity().datacenter
    }

    /// Who serves.
    pub(crate) fn identity(&self) -> ServerIdentity {
        let identity = self.store.identity();
        ServerIdentity {
            datacenter: identity.datacenter,
            lineage: identity.lineage,
            replica: identity.replica,
            incarnation: identity.incarnation,
        }
    }

    /// What a hello to `peer` says.
    pub(crate) fn local(&self, peer: &DatacenterName) -> Local {
        let identity = self.store.identity();
        Local {
            lineage: identity.lineage,
            replica: identity.replica,
            incarnation: identity.incarnation,
            databases: self.databases(peer),
        }
    }

    /// All databases, with the positions reached in the log of `peer`.
    pub(crate) fn databases(&self, peer: &DatacenterName) -> Vec<DatabaseHello> {
        let hello = self.store.hello(peer).into_iter().map(|database| DatabaseHello {
            name: database.name,
            knowledge: database.knowledge,
            position: database.position,
        });
        hello.collect()
    }

    /// Every database's knowledge and the end of its log.
    pub(crate) fn states(&self) -> Vec<DatabaseState> {
        let states = self
            .store
            .hello(&self.datacenter())
            .into_iter()
            .map(|database| DatabaseState {
                name: database.name,
                knowledge: database.knowledge,
                sequence: database.sequence,
                gap: database.gap,
            });
        states.collect()
    }

    /// When the link with `peer` last worked, as far as a former run knew; now if there was none.
    pub(crate) fn last_linked(&self, peer: &DatacenterName) -> Timestamp {
        let known = self.store.link_lost(peer).or_else(|| self.store.former_alive());
        Timestamp(known.unwrap_or_else(|| HlcTime((self.wall)().0)).unix_ms())
    }

    /// Whether a node of `peer` on this data directory is shut out.
    pub(crate) fn shuts_out(&self, peer: &DatacenterName, lineage: ReplicaId, replica: ReplicaId) -> bool {
        self.store.shuts_out(peer, lineage, replica)
    }

    /// Whether an operator has cut the links with `peer`.
    pub(crate) fn is_cut(&self, peer: &DatacenterName) -> bool {
        self.store.links_cut().contains(peer)
    }

    /// The digest of a database for a comparison; of an unknown or deleted one that of an empty one.
    pub(crate) fn digest(&self, database: DatabaseName) -> Digest {
        let (knowledge, root) = self
            .store
            .compared_digest(&database)
            .unwrap_or((VersionVector::default(), SetHash::EMPTY));
        Digest {
            database,
            knowledge,
            root,
        }
    }

    /// The digests of all buckets of a database.
    pub(crate) fn buckets(&self, database: &DatabaseName) -> Vec<SetHash> {
        let empty = || vec![SetHash::EMPTY; usize::from(rejoin_document::BUCKETS)];
        if self.store.is_deleted(database) {
            return empty();
        }
        self.store.bucket_hashes(database).unwrap_or_else(|_| empty())
    }

    /// The live documents of one bucket.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(crate) fn bucket(&self, database: DatabaseName, bucket: u16) -> Result<BucketEntries, ReadError> {
        let entries = known(long_read(|| self.store.bucket_entries(&database, bucket)))?.unwrap_or_default();
        Ok(BucketEntries {
            database,
            bucket,
            entries,
        })
    }

    /// Whole states, as many of the first `ids` as fit into `bytes_max` and at least one.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(crate) fn documents(
        &self,
        database: DatabaseName,
        ids: &[DocumentId],
        bytes_max: u64,
    ) -> Result<Documents, ReadError> {
        let (mut items, mut bytes, mut answered) = (Vec::new(), 0u64, 0u32);
        for id in ids {
            let states = known(self.store.states(&database, std::slice::from_ref(id)))?.unwrap_or_default();
            let more: u64 = states.iter().map(|item| item.state.len() as u64).sum();
            if answered > 0 && bytes.saturating_add(more) > bytes_max {
                break;
            }
            bytes = bytes.saturating_add(more);
            answered = answered.saturating_add(1);
            items.extend(states.into_iter().map(|item| Item {
                id: item.id,
                state: item.state,
                joined: item.joined,
            }));
        }
        Ok(Documents {
            database,
            items,
            answered,
        })
    }

    /// A piece of the log for a puller that knows `knows`.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(crate) fn scan(
        &self,
        database: &DatabaseName,
        since: Sequence,
        knows: &VersionVector,
        bytes_max: u64,
    ) -> Result<Scan, ReadError> {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let Some(scan) = known(self.store.scan(database, since, knows, bytes_max))? else {
            return Ok(Scan {
                to: since,
                items: Vec::new(),
                watermark: Some(Watermark::default()),
            });
        };
        Ok(Scan {
            to: scan.to.sequence,
            items: scan
                .items
                .into_iter()
                .map(|item| Item {
                    id: item.id,
                    state: item.state,
                    joined: item.joined,
                })
                .collect(),
            watermark: scan.watermark.map(|mark| Watermark {
                knowledge: mark.knowledge,
                matrix: mark.matrix,
            }),
        })
    }

    /// How many documents come after these places of the log, counted up to a bound. Databases that are not known, or cannot be read now, count nothing:
    /// it is for people to look at.
    pub(crate) fn backlog(&self, from: &[(DatabaseName, Sequence)]) -> Backlog {
        self.counted(from, COUNTED_MAX)
    }

    fn counted(&self, from: &[(DatabaseName, Sequence)], counted_max: u64) -> Backlog {
        let mut documents = 0;
        for (database, since) in from {
            let most = counted_max - documents;
            let more = long_read(|| self.store.changes_after(database, *since, most));
            documents += more.unwrap_or_default();
            if documents >= counted_max {
                break;
            }
        }
        Backlog {
            documents,
            more: documents >= counted_max,
        }
    }

    /// What a peer that has reached these places has not of this node's logs.
    pub(crate) fn missing_at(&self, reached: &Reached) -> Backlog {
        self.counted(&self.behind(reached), COUNTED_MAX)
    }

    /// The same as documents, counted up to [`SAMPLED_MAX`] for a figure that is taken every few seconds.
    pub(crate) fn sampled_missing_at(&self, reached: &Reached) -> u64 {
        self.counted(&self.behind(reached), SAMPLED_MAX).documents
    }

    fn behind(&self, reached: &Reached) -> Vec<(DatabaseName, Sequence)> {
        let (incarnation, databases) = (self.store.identity().incarnation, self.store.status());
        let from = databases.into_iter().map(|database| {
            let place = reached.get(&database.name);
            let place = place.filter(|place| place.incarnation == incarnation);
            (database.name, place.map_or(Sequence(0), |place| place.sequence))
        });
        from.collect()
    }

    /// Whether a peer that has reached these places has all of this node's logs.
    pub(crate) fn has_all(&self, reached: &Reached) -> bool {
        let incarnation = self.store.identity().incarnation;
        self.store.status().iter().all(|database| {
            let place = reached.get(&database.name);
            database.sequence == Sequence(0)
                || place.is_some_and(|place| place.incarnation == incarnation && place.sequence >= database.sequence)
        })
    }

    /// The time for heartbeats.
    pub(crate) fn now(&self) -> HlcTime {
        HlcTime((self.wall)().as_u64())
    }

    /// Measures how far a peer's clock is ahead of ours.
    pub(crate) fn observe(&self, peer: &DatacenterName, time: HlcTime) {
        let ahead_s = drift_s(uhlc::NTP64(time.0), (self.wall)());
        self.metrics.drift(peer, ahead_s);
        if let Some(board) = self.hub.board(peer) {
            board.set_clock_ahead(ahead_s);
        }
    }

    /// Warns of a comparison with a peer that found a difference.
    pub(crate) fn compared(&self, peer: &DatacenterName, equal: Option<bool>, repaired: u64) {
        if equal == Some(false) || repaired > 0 {
            tracing::warn!(%peer, equal, repaired, "the digests differed");
        }
    }

    /// News of databases from now on.
    pub(crate) fn changes(&self) -> ChangeFeed {
        ChangeFeed::new(self.store.subscribe(), self.moved.subscribe())
    }
}

/// A database that is not known reads as an empty one.
fn known<T>(result: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::UnknownDatabase { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
