//! What a store is told when it is opened.

use std::time::Duration;

use rejoin_document::{DatacenterName, Limits};

use crate::clock::{PhysicalClock, system_clock};

/// Where a data directory lies. A copy of it that is opened elsewhere must not write under the same replica id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The machine.
    pub host: String,
    /// The absolute path.
    pub path: String,
    /// The number by which the file system knows a file of the directory that is written once: a copy that was put in the place of the original
    /// has another one. 0 where there is none.
    pub inode: u64,
    /// What tells one start of the machine from the next; empty where nothing does. A copy of a running machine's disk keeps host, path and
    /// number, and is started on another one.
    pub boot: String,
}

/// Settings and dependencies of a [`Store`](crate::Store).
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The datacenter whose node this is.
    pub datacenter: DatacenterName,
    /// The datacenters that this node pulls from.
    pub peers: Vec<DatacenterName>,
    /// Where the data lies.
    pub place: Place,
    /// The data were restored from a backup: the node takes a new replica id. Default: false.
    pub restored: bool,
    /// The physical clock. Default: the machine's.
    pub clock: PhysicalClock,
    /// Sixteen random bytes, for replica ids and incarnations. Default: the operating system's.
    pub entropy: fn() -> [u8; 16],
    /// How far a peer's time may lie ahead of the physical clock to move ours. Default: 500 ms.
    pub max_drift: Duration,
    /// After an unclean end, a recorded time older than this means that the disk may be an old one: the node takes a new replica id.
    /// Default: 1 minute.
    pub stale_after: Duration,
    /// How long superseded revisions are kept for writes that name them. Default: 14 days.
    pub keep_for: Duration,
    /// How long a removal or a deletion is kept although every datacenter has it. Default: 1 day.
    pub tombstone_retention: Duration,
    /// What a patched body may hold; other bodies are bounded where they are read.
    pub limits: Limits,
    /// Bytes of an encoded state beyond which a write here is refused, unless it shrinks or deletes the document. A document of several open
    /// branches holds the body of each twice. Default: 32 MiB.
    pub document_bytes_max: usize,
    /// Bytes of an encoded state beyond which it does not travel: it is not sent, and one that comes all the same goes to quarantine. What eight
    /// datacenters have each brought to the bound of a document by themselves fits. Default: 256 MiB.
    pub state_bytes_max: usize,
    /// Bytes of the stored documents that one atomic batch may write to: they travel in one message. Default: 64 MiB.
    pub batch_bytes_max: usize,
    /// Free bytes below which the disk counts as full: what would make it grow is refused. Default: 16 MiB.
    pub disk_free_bytes_min: u64,
    /// Quarantined states that are kept of one document. A newer state of a peer contains its older ones, so more than the number of
    /// datacenters is never needed. Default: 16.
    pub quarantined_states_max: usize,
    /// Documents that one step of forgetting, pruning, counting or trying again looks at. Default: 512.
    pub step_documents_max: usize,
    /// Heal reports that are kept. Default: 1000.
    pub heals_max: usize,
}

/// Those of the [`StoreOptions`] that may change while the store is open: [`Store::tune`](crate::Store::tune). Each group of operations is done
/// under one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// How long superseded revisions are kept for writes that name them.
    pub keep_for: Duration,
    /// How long a removal or a deletion is kept although every datacenter has it.
    pub tombstone_retention: Duration,
    /// What a patched body may hold; other bodies are bounded where they are read.
    pub limits: Limits,
}

impl StoreOptions {
    /// What the store begins with of that which may change.
    pub(crate) fn tuning(&self) -> Tuning {
        Tuning {
            keep_for: self.keep_for,
            tombstone_retention: self.tombstone_retention,
            limits: self.limits,
        }
    }

    /// The defaults for a datacenter without peers.
    #[expect(clippy::disallowed_methods, reason = "the default that a simulator replaces")]
    pub fn new(datacenter: DatacenterName) -> Self {
        Self {
            datacenter,
            peers: Vec::new(),
            place: Place::default(),
            restored: false,
            clock: system_clock,
            entropy: rand::random,
            max_drift: Duration::from_millis(500),
            stale_after: Duration::from_secs(60),
            keep_for: Duration::from_secs(14 * 24 * 60 * 60),
            tombstone_retention: Duration::from_secs(24 * 60 * 60),
            limits: Limits::default(),
            document_bytes_max: 32 << 20,
            state_bytes_max: 256 << 20,
            batch_bytes_max: 64 << 20,
            disk_free_bytes_min: 16 << 20,
            quarantined_states_max: 16,
            step_documents_max: 512,
            heals_max: 1000,
        }
    }
}
