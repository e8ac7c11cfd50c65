//! Reads the node's state from the engine at the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, HlcTime, ReplicaId, RuleSet, SetHash};

use super::{DatabaseState, Deletions, NodeState, SystemDocument};
use crate::engine::{Family, KeyRange, Read};
use crate::error::StoreError;
use crate::keys::databases::DatabaseRecord;
use crate::keys::peers::PeerKey;
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
        databases.insert(name, database);
    }
    let (replicas, deletions) = load_definitions(read, &mut databases)?;
    load_digests(read, &mut databases)?;
    let Peers { cut, behind, lost } = load_peers(read, &mut databases)?;
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
        databases,
        replicas: Arc::new(replicas),
        deletions: Arc::new(deletions),
        last_heal,
    })
}

type Databases = BTreeMap<DatabaseName, DatabaseState>;
type Replicas = BTreeMap<ReplicaId, DatacenterName>;
type Deleted = BTreeMap<DatabaseName, Deletions>;

/// Takes the rules and the deletions of each database from the system database's documents.
fn load_definitions(read: &dyn Read, databases: &mut Databases) -> Result<(Replicas, Deleted), StoreError> {
    let (mut replicas, mut deletions) = (Replicas::new(), Deleted::new());
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
            None => {}
        }
    }
    for (name, of_database) in &deletions {
        if let Some(database) = databases.get_mut(name) {
            database.deletions = of_database.clone();
        }
    }
    Ok((replicas, deletions))
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
}

/// Positions and rows of the matrix go to the databases.
fn load_peers(read: &dyn Read, databases: &mut Databases) -> Result<Peers, StoreError> {
    let mut by_number = by_number(databases);
    let (mut cut, mut behind, mut lost) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
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
        }
    }
    Ok(Peers { cut, behind, lost })
}
