//! Why a call was refused, as programs read it: the `reason` of `google.rpc.ErrorInfo`.
//!
//! A reason never changes its meaning; the message beside it is for people and may.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// Every reason that a status of a node can carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $variant,)+
        }

        impl Reason {
            /// All reasons, in the order of their declaration.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)+];

            /// The reason as it stands in `ErrorInfo`: upper case with underscores.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$variant => $text,)+
                }
            }
        }
    };
}

reasons! {
    /// The database does not exist at this node.
    DatabaseNotFound = "DATABASE_NOT_FOUND",
    /// The database exists with another definition.
    DatabaseExists = "DATABASE_EXISTS",
    /// The document is absent or deleted.
    DocumentNotFound = "DOCUMENT_NOT_FOUND",
    /// A create met a document that exists.
    DocumentExists = "DOCUMENT_EXISTS",
    /// Somebody whom the writer had not seen changed the same path; a `ConflictReport` is attached.
    Conflict = "CONFLICT",
    /// The document has another checksum than the one that the writer had read. Read the document and try again.
    ChecksumMismatch = "CHECKSUM_MISMATCH",
    /// The database requires the checksum of what is replaced, and none was given. Read the document and send its checksum.
    ChecksumRequired = "CHECKSUM_REQUIRED",
    /// The definition of the database is at another version than the change is meant for.
    VersionMismatch = "VERSION_MISMATCH",
    /// The patch does not fit the document, or a `test` of it failed.
    PatchMisfit = "PATCH_MISFIT",
    /// The patch cannot be read.
    InvalidPatch = "INVALID_PATCH",
    /// A revision that was asked for is not kept here.
    RevisionNotFound = "REVISION_NOT_FOUND",
    /// The base revision was never shown by this node. Read the document and try again.
    BaseUnknown = "BASE_UNKNOWN",
    /// The base revision is no longer kept. Read the document and try again.
    BaseCompacted = "BASE_COMPACTED",
    /// The body is not JSON, or holds a number that no double can hold.
    InvalidJson = "INVALID_JSON",
    /// The body is JSON, but not an object.
    BodyNotObject = "BODY_NOT_OBJECT",
    /// The body is nested more deeply than the limit.
    BodyTooDeep = "BODY_TOO_DEEP",
    /// The body has more bytes than the limit.
    BodyTooLarge = "BODY_TOO_LARGE",
    /// With what merges and open conflicts have added, the document would be larger than writes may make it (32 MiB). Settle its conflicts.
    DocumentTooLarge = "DOCUMENT_TOO_LARGE",
    /// The body has more leaves than the limit.
    BodyTooManyLeaves = "BODY_TOO_MANY_LEAVES",
    /// A name that starts with an underscore is kept for the system.
    ReservedName = "RESERVED_NAME",
    /// The document id is empty or too long.
    InvalidId = "INVALID_ID",
    /// The name of a database or a datacenter breaks its rule.
    InvalidName = "INVALID_NAME",
    /// The text is not a revision.
    InvalidRevision = "INVALID_REVISION",
    /// A merge rule or its path is not valid.
    InvalidRule = "INVALID_RULE",
    /// The granularity is not one that this node knows.
    InvalidGranularity = "INVALID_GRANULARITY",
    /// A path with the rule `counter` was given a number that is not an integer of 64 bits.
    CounterNotInteger = "COUNTER_NOT_INTEGER",
    /// A batch is empty, has too many writes, or one that is not well formed.
    InvalidBatch = "INVALID_BATCH",
    /// A write of an atomic batch was refused, so that none was done; the metadata name the write and its reason.
    BatchRefused = "BATCH_REFUSED",
    /// In a batch: the document is not as a compare-and-swap expects it.
    Unmatched = "UNMATCHED",
    /// A resolution names a path that is not in conflict, or something that cannot stand there.
    InvalidResolution = "INVALID_RESOLUTION",
    /// The session token is none, or of another database.
    InvalidSession = "INVALID_SESSION",
    /// This node does not have yet what the session has seen; the metadata name the datacenter and since when its link is down.
    SessionBehind = "SESSION_BEHIND",
    /// What is asked for was done in another datacenter and is still arriving here. Send it again in a moment, under the same request id.
    CatchingUp = "CATCHING_UP",
    /// What the session has seen was lost when a datacenter was restored from a backup. Begin a new session.
    SessionLost = "SESSION_LOST",
    /// The acknowledgement asks for more datacenters than there are, or for none.
    InvalidAcknowledge = "INVALID_ACKNOWLEDGE",
    /// The request id is empty or too long.
    InvalidRequestId = "INVALID_REQUEST_ID",
    /// The token of a watch is none, or of another database. Read the database and begin anew.
    InvalidWatchToken = "INVALID_WATCH_TOKEN",
    /// A filter, range or interval of a request makes no sense.
    InvalidFilter = "INVALID_FILTER",
    /// The database would be over its quota. Delete documents, write smaller ones, or raise the quota.
    Quota = "QUOTA",
    /// The disk is full: reads go on, writes are taken again when there is room.
    DiskFull = "DISK_FULL",
    /// The node is not told where backups go: `backup.directory` in its configuration.
    BackupUnavailable = "BACKUP_UNAVAILABLE",
    /// There is a backup of that name.
    BackupExists = "BACKUP_EXISTS",
    /// A backup is being made. Wait until it has ended.
    BackupRunning = "BACKUP_RUNNING",
    /// A compaction is running. Wait until it has ended.
    CompactionRunning = "COMPACTION_RUNNING",
    /// The node has no peer of that name.
    PeerUnknown = "PEER_UNKNOWN",
    /// The address of a datacenter is none, or does not fit to whether the node has certificates.
    InvalidAddress = "INVALID_ADDRESS",
    /// The datacenter is the node's own.
    OwnDatacenter = "OWN_DATACENTER",
    /// Nobody has said that what a datacenter alone has may be lost when it is retired.
    RetirementUnconfirmed = "RETIREMENT_UNCONFIRMED",
    /// The node does not trust the connection: it is in plain text, or its certificate is not accepted. The message says what to do.
    Untrusted = "UNTRUSTED",
    /// The node asks who calls, and the call has no credentials, or wrong ones. The message says what to do.
    Credentials = "CREDENTIALS",
    /// The user has not the role that the call takes; the metadata name the role and where.
    Role = "ROLE",
    /// The page token is not one that this call gave out.
    InvalidPageToken = "INVALID_PAGE_TOKEN",
    /// The node has as much in its queues as it may hold. Try again later.
    Overloaded = "OVERLOADED",
    /// The node is stopping. Try again at another node, or later.
    ShuttingDown = "SHUTTING_DOWN",
    /// The disk failed; nothing was written.
    Storage = "STORAGE",
    /// The node failed while it wrote: the write may be durable or not. Read the document before trying again.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// A message between nodes breaks the protocol.
    InvalidMessage = "INVALID_MESSAGE",
}

/// A text that names no reason of this version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown reason {text:?}: the node may be newer than this client")]
pub struct UnknownReason {
    /// The text that was read.
    pub text: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownReason { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_from_its_text() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
    }

    #[test]
    fn every_reason_stands_once_in_the_table_for_users_and_no_other_does() {
        let table = include_str!("../../../docs/errors.md");
        let rows = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let mut listed: Vec<&str> = rows.map(|(reason, _)| reason).collect();
        let mut reasons: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        listed.sort_unstable();
        reasons.sort_unstable();
        assert_eq!(listed, reasons);
    }

    #[test]
    fn an_unknown_reason_is_named_in_the_error() {
        assert!("OTHER".parse::<Reason>().unwrap_err().to_string().contains("OTHER"));
    }
}
