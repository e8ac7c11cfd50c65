//! Which status each reason has.

use rejoin_api::Reason;
use tonic::Code;

/// The status of a reason.
pub(super) fn code(reason: Reason) -> Code {
    match reason {
        Reason::DatabaseNotFound | Reason::DocumentNotFound | Reason::RevisionNotFound | Reason::PeerUnknown => {
            Code::NotFound
        }
        Reason::DatabaseExists | Reason::DocumentExists | Reason::BackupExists => Code::AlreadyExists,
        Reason::Conflict
        | Reason::ChecksumMismatch
        | Reason::Unmatched
        | Reason::VersionMismatch
        | Reason::BatchRefused => Code::Aborted,
        Reason::BaseUnknown
        | Reason::BaseCompacted
        | Reason::PatchMisfit
        | Reason::ChecksumRequired
        | Reason::CompactionRunning
        | Reason::BackupUnavailable
        | Reason::RetirementUnconfirmed
        | Reason::BackupRunning
        | Reason::DocumentTooLarge
        | Reason::SessionLost => Code::FailedPrecondition,
        Reason::InvalidJson
        | Reason::BodyNotObject
        | Reason::BodyTooDeep
        | Reason::BodyTooLarge
        | Reason::BodyTooManyLeaves
        | Reason::ReservedName
        | Reason::InvalidId
        | Reason::InvalidName
        | Reason::InvalidRevision
        | Reason::InvalidRule
        | Reason::InvalidGranularity
        | Reason::CounterNotInteger
        | Reason::InvalidPageToken
        | Reason::InvalidPatch
        | Reason::InvalidBatch
        | Reason::InvalidResolution
        | Reason::InvalidSession
        | Reason::InvalidAcknowledge
        | Reason::InvalidRequestId
        | Reason::InvalidWatchToken
        | Reason::InvalidFilter
        | Reason::InvalidAddress
        | Reason::OwnDatacenter
        | Reason::InvalidMessage => Code::InvalidArgument,
        Reason::Overloaded | Reason::DiskFull | Reason::Quota => Code::ResourceExhausted,
        Reason::ShuttingDown | Reason::SessionBehind | Reason::CatchingUp => Code::Unavailable,
        Reason::Untrusted | Reason::Credentials => Code::Unauthenticated,
        Reason::Role => Code::PermissionDenied,
        Reason::Storage => Code::Internal,
        Reason::OutcomeUnknown => Code::Unknown,
    }
}
