//! Comparing a node with its peers on demand.

use std::time::Duration;

use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::error::CallError;

/// How much longer than for its peers a node is waited for.
const GRACE: Duration = Duration::from_secs(5);

/// What the comparison of a node with one peer found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPeer {
    /// The peer's datacenter.
    pub datacenter: String,
    /// What was found in each database, in ascending order of their names; or why the peer was not compared with.
    pub databases: Result<Vec<VerifiedDatabase>, String>,
}

/// What a comparison found in one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDatabase {
    /// The name.
    pub name: String,
    /// Documents that the node holds of it.
    pub documents: u64,
    /// Buckets that differed at first, of 4,096.
    pub buckets_differing: u64,
    /// Documents that differed at first.
    pub documents_differing: u64,
    /// Ids of documents that differed, at most 100 of them.
    pub differing_ids: Vec<String>,
    /// Documents that were mended at the node; the peer mends its own.
    pub repaired: u64,
    /// Whether both are equal now; `None` if they could not be compared, because writes never paused.
    pub equal: Option<bool>,
}

impl VerifiedPeer {
    /// Whether the peer was compared with and every database is equal now.
    pub fn is_equal(&self) -> bool {
        let databases = self.databases.as_ref();
        databases.is_ok_and(|databases| databases.iter().all(|database| database.equal == Some(true)))
    }
}

impl Client {
    /// Compares the node with one peer, or with all, mends what differs by an exchange of whole states, and tells. Waits for each peer no longer than
    /// `wait`, at most a day; what was begun goes on to its end all the same.
    ///
    /// # Errors
    /// `Refused` with `PEER_UNKNOWN`; `Unreachable` if no answer arrived. A peer that was not reached is no error, but told.
    pub async fn verify(&self, peer: Option<&str>, wait: Duration) -> Result<Vec<VerifiedPeer>, CallError> {
        let request = proto::VerifyRequest {
            datacenter: peer.unwrap_or_default().to_owned(),
            timeout_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.verify(request).await }
        };
        let patient = self.patient(wait.saturating_add(GRACE));
        patient
            .call(Safety::Repeatable, request, attempt, |answer| {
                Ok(answer.peers.into_iter().map(VerifiedPeer::from_proto).collect())
            })
            .await
    }
}

impl VerifiedPeer {
    fn from_proto(peer: proto::VerifiedPeer) -> Self {
        let databases = peer.databases.into_iter().map(VerifiedDatabase::from_proto);
        Self {
            datacenter: peer.datacenter,
            databases: if peer.compared {
                Ok(databases.collect())
            } else {
                Err(peer.reason)
            },
        }
    }
}

impl VerifiedDatabase {
    fn from_proto(database: proto::VerifiedDatabase) -> Self {
        Self {
            name: database.name,
            documents: database.documents,
            buckets_differing: database.buckets_differing,
            documents_differing: database.documents_differing,
            differing_ids: database.differing_ids,
            repaired: database.repaired,
            equal: database.equal,
        }
    }
}
