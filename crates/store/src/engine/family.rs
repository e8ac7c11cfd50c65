//! The key families: the first half of the disk format. The other half, keys and values, is in `keys`.

/// A named, ordered set of keys. The layout of each is documented in the file of the same name in `keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The current state of every document.
    Documents,
    /// Superseded revisions, for writes that name an old base.
    Revisions,
    /// One entry per document, moved to the end of the log by every change.
    Changes,
    /// Documents that hold more than one candidate somewhere.
    Conflicts,
    /// Local numbers, sequences, knowledge and counters of the databases.
    Databases,
    /// What is known of other datacenters: positions, rows of the matrix, cut links.
    Peers,
    /// Format version, identity, time bound.
    Meta,
    /// The hash of each bucket of the digest.
    Digest,
    /// The live documents of each bucket of the digest.
    Buckets,
    /// States that cannot be applied here.
    Quarantine,
    /// Heal reports.
    Heals,
    /// Documents that stay at this node.
    Local,
    /// The rows of map/reduce views. Its layout is documented and known in the crate of the views only: nothing of the store reads it.
    Views,
}

impl Family {
    /// All families.
    pub const ALL: [Family; 13] = [
        Family::Documents,
        Family::Revisions,
        Family::Changes,
        Family::Conflicts,
        Family::Databases,
        Family::Peers,
        Family::Meta,
        Family::Digest,
        Family::Buckets,
        Family::Quarantine,
        Family::Heals,
        Family::Local,
        Family::Views,
    ];

    /// The name on disk. Never changed without a new format version.
    pub fn name(self) -> &'static str {
        match self {
            Family::Documents => "documents",
            Family::Revisions => "revisions",
            Family::Changes => "changes",
            Family::Conflicts => "conflicts",
            Family::Databases => "databases",
            Family::Peers => "peers",
            Family::Meta => "meta",
            Family::Digest => "digest",
            Family::Buckets => "buckets",
            Family::Quarantine => "quarantine",
            Family::Heals => "heals",
            Family::Local => "local",
            Family::Views => "views",
        }
    }
}
