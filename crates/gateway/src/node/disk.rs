//! Opens the data directory: RocksDB, the store in it, and the queue that commits to it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rejoin_document::Limits;
use rejoin_store::{CommitQueue, Place, RocksEngine, Store, StoreOptions, Tuning};

use super::StartError;
use crate::config::{Plan, Settings};

/// An open data directory.
pub struct Disk {
    /// The store.
    pub store: Store,
    /// Its queue; whoever holds it stops it.
    pub queue: CommitQueue,
}

/// Opens the data directory of `plan`, and creates it where it is missing. Blocks until what a crash left is recovered.
///
/// # Errors
///
/// The directory is in use, of another format, or damaged; the message says what to do.
pub fn open_disk(plan: &Plan) -> Result<Disk, StartError> {
    let settings = &plan.settings;
    let engine = RocksEngine::open(&settings.node.data, &settings.storage)?;
    let place = place(&settings.node.data).map_err(StartError::Place)?;
    let store = Store::open(Arc::new(engine), store_options(plan, place))?;
    let queue = CommitQueue::start(store.clone(), settings.commit.clone()).map_err(StartError::Thread)?;
    Ok(Disk { store, queue })
}

/// The options of the store; `place` is where its data lie.
pub(super) fn store_options(plan: &Plan, place: Place) -> StoreOptions {
    let settings = &plan.settings;
    let mut options = StoreOptions::new(plan.datacenter.clone());
    options.peers = plan.peers.iter().map(|peer| peer.datacenter.clone()).collect();
    options.place = place;
    options.restored = settings.node.restored;
    options.max_drift = Duration::from_millis(settings.node.max_drift_ms);
    let tuning = tuning(settings);
    options.limits = tuning.limits;
    options.keep_for = tuning.keep_for;
    options.tombstone_retention = tuning.tombstone_retention;
    options
}

/// What may change while the store is open.
pub(super) fn tuning(settings: &Settings) -> Tuning {
    Tuning {
        keep_for: Duration::from_secs(settings.databases.keep_for_s),
        tombstone_retention: Duration::from_secs(settings.databases.tombstone_retention_s),
        limits: body_limits(settings),
    }
}

/// What a body may hold.
pub(super) fn body_limits(settings: &Settings) -> Limits {
    let limits = &settings.limits;
    Limits {
        body_bytes_max: limits.body_bytes_max,
        depth_max: limits.depth_max,
        leaves_max: limits.leaves_max,
    }
}

fn place(data: &Path) -> std::io::Result<Place> {
    let path = fs::canonicalize(data)?.to_string_lossy().into_owned();
    // Without a name of the machine a copy is still recognised by its path.
    let kernel = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    let (host, boot) = (kernel("hostname"), kernel("random/boot_id"));
    // RocksDB writes this file once, when it creates the directory.
    let inode = fs::metadata(data.join("IDENTITY"))?.ino();
    Ok(Place {
        host,
        path,
        inode,
        boot,
    })
}
