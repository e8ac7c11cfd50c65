//! Reads the node's state from the engine at the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, HlcTime, ReplicaId, RuleSet, SetHash};

use super::{DatabaseState, Deletions, Memberships, NodeState, SystemDocument};
use crate::engine::{Family, KeyRange, Read};
use crate::error::StoreError;
use crate::keys::databases::DatabaseRecord;
use crate::keys::peers::{AddedPeer, PeerKey};
use crate::keys::{DatabaseNumber, databases, digest, documents, heals, peers};
use crate::operation::{DatabaseDefinition, Identity};
use crate::record::StoredDocument;
use crate::settings::DatabaseSettings;

/// Everything that a node with this identity has on disk.
pub(crate) fn load(read: &dyn Read, identity: Identity) -> Result<NodeState, StoreError> {
    let mut databases = BTreeMap::new();
    let system = DatabaseDefinition::system();
    databases.insert(system.name.clone(), DatabaseState::new(DatabaseNumber::SYSTEM, system));
    for entry in read.scan(Family::Databases, KeyRange::prefix(b"")) {
        let (key, value) = entry?;
        let (name, record) = (databases::decode_key(&key)?, DatabaseRecord::decode(&value)?);
        let definition = DatabaseDefinition {
            name: name.clone(),
            granularity: record.granularity,
            rules: Arc::new(RuleSet::default()),
            settings: DatabaseSettings::default(),
        };
        let mut database = DatabaseState::new(record.number, definition);
        database.record = record;
        if database.record.bytes.is_none() {
            database.record.bytes = Some(count_bytes(read, database.number())?);
        }
        databases.insert(name, database);
    }
    let Definitions {
        replicas,
        deletions,
        memberships,
    } = load_definitions(read, &mut databases)?;
    load_digests(read, &mut databases)?;
    let Peers {
        cut,
        behind,
        lost,
        added,
    } = load_peers(read, &mut databases)?;
    let last_heal = match read.scan(Family::Heals, KeyRange::prefix(b"")).next() {
        Some(entry) => heals::decode_key(&entry?.0)?,
        None => 0,
    };
    let databases = databases
        .into_iter()
        .map(|(name, database)| (name, Arc::new(database)))
        .collect();
    Ok(NodeState {
        identity,
        behind,
        cut,
        lost,
        added,
        memberships,
        databases,
        replicas: Arc::new(replicas),
        deletions: Arc::new(deletions),
        last_heal,
    })
}

/// Bytes of a database's documents as they are stored: counted once, in a directory of an earlier version.
fn count_bytes(read: &dyn Read, number: DatabaseNumber) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for entry in read.scan(Family::Documents, KeyRange::prefix(&number.prefix())) {
        bytes += entry?.1.len() as u64;
    }
    Ok(bytes)
}

type Databases = BTreeMap<DatabaseName, DatabaseState>;
type Replicas = BTreeMap<ReplicaId, DatacenterName>;
type Deleted = BTreeMap<DatabaseName, Deletions>;

/// What the documents of the system database say beside the rules and settings of databases.
struct Definitions {
    replicas: Replicas,
    deletions: Deleted,
    memberships: Memberships,
}

/// Takes the rules and the deletions of each database from the system database's documents.
fn load_definitions(read: &dyn Read, databases: &mut Databases) -> Result<Definitions, StoreError> {
    let (mut replicas, mut deletions) = (Replicas::new(), Deleted::new());
    let mut memberships = Memberships::default();
    for entry in read.scan(Family::Documents, KeyRange::prefix(&DatabaseNumber::SYSTEM.prefix())) {
        let (key, value) = entry?;
        let (_, id): (_, DocumentId) = documents::decode_key(&key)?;
        let document = StoredDocument::decode(&value)?.document;
        let shown = document.shown(&RuleSet::default());
        if shown.deleted {
            continue;
        }
        match SystemDocument::read(&id, &shown.body) {
            Some(SystemDocument::Database(definition)) => {
                if let Some(database) = databases.get_mut(&definition.name) {
                    database.definition.rules = definition.rules;
                    database.definition.settings = definition.settings;
                    database.version = (shown.revision, document.context().clone());
                }
            }
            Some(SystemDocument::Deletion(name, replica, deletion)) => {
                deletions.entry(name).or_default().learn(replica, deletion);
            }
            Some(SystemDocument::Replica(replica, datacenter)) => drop(replicas.insert(replica, datacenter)),
            Some(SystemDocument::Datacenter(datacenter, membership)) => memberships.record(datacenter, membership),
            Some(SystemDocument::Confirmation(retired, confirmation)) => memberships.confirm(retired, confirmation),
            None => {}
        }
    }
    for (name, of_database) in &deletions {
        if let Some(database) = databases.get_mut(name) {
            database.deletions = of_database.clone();
        }
    }
    Ok(Definitions {
        replicas,
        deletions,
        memberships,
    })
}

fn by_number(databases: &mut Databases) -> BTreeMap<DatabaseNumber, &mut DatabaseState> {
    databases
        .values_mut()
        .map(|database| (database.number(), database))
        .collect()
}

fn load_digests(read: &dyn Read, databases: &mut Databases) -> Result<(), StoreError> {
    let mut by_number = by_number(databases);
    for entry in read.scan(Family::Digest, KeyRange::prefix(b"")) {
        let (key, value) = entry?;
        let ((number, bucket), hash) = (digest::decode_key(&key)?, digest::decode(&value)?);
        if let Some(database) = by_number.get_mut(&number) {
            database.buckets.load(bucket, SetHash(hash));
        }
    }
    Ok(())
}

/// What the family `peers` says of whole datacenters.
struct Peers {
    cut: BTreeSet<DatacenterName>,
    behind: BTreeSet<DatacenterName>,
    lost: BTreeMap<DatacenterName, HlcTime>,
    added: BTreeMap<DatacenterName, AddedPeer>,
}

/// Positions and rows of the matrix go to the databases.
fn load_peers(read: &dyn Read, databases: &mut Databases) -> Result<Peers, StoreError> {
    let mut by_number = by_number(databases);
    let (mut cut, mut behind) = (BTreeSet::new(), BTreeSet::new());
    let (mut lost, mut added) = (BTreeMap::new(), BTreeMap::new());
    for entry in read.scan(Family::Peers, KeyRange::prefix(b"")) {
        let (key, value) = entry?;
        match PeerKey::decode(&key)? {
            PeerKey::Position(number, peer) => {
                if let Some(database) = by_number.get_mut(&number) {
                    database.positions.insert(peer, peers::decode_position(&value)?);
                }
            }
            PeerKey::Row(number, datacenter) => {
                if let Some(database) = by_number.get_mut(&number) {
                    database.matrix.advance(&datacenter, &peers::decode_row(&value)?);
                }
            }
            PeerKey::Partial(number, peer) => {
                if let Some(database) = by_number.get_mut(&number) {
                    database.partial.insert(peer);
                }
            }
            PeerKey::Ahead(number, peer) => {
                if let Some(database) = by_number.get_mut(&number) {
                    database.ahead.insert(peer, peers::decode_row(&value)?);
                }
            }
            PeerKey::Cut(peer) => drop(cut.insert(peer)),
            PeerKey::Behind(peer) => drop(behind.insert(peer)),
            PeerKey::Lost(peer) => drop(lost.insert(peer, peers::decode_lost(&value)?)),
            PeerKey::Added(peer) => drop(added.insert(peer, peers::decode_added(&value)?)),
        }
    }
    Ok(Peers {
        cut,
        behind,
        lost,
        added,
    })
}
