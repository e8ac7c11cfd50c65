//! Which failure each error of the crates below is.

use rejoin_api::page_token::PageTokenError;
use rejoin_api::{ConvertError, Reason};
use rejoin_document::{BodyError, PatchError, Refused, WatchTokenError};
use rejoin_store::{CommitError, OverQuota, ReadError};

use super::{Failure, shortened};
use crate::caught::Panicked;

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let reason = match &error {
            BodyError::Syntax(_) | BodyError::NumberOutOfRange(_) => Reason::InvalidJson,
            BodyError::NotAnObject => Reason::BodyNotObject,
            BodyError::TooLarge { .. } => Reason::BodyTooLarge,
            BodyError::TooDeep { .. } => Reason::BodyTooDeep,
            BodyError::TooManyLeaves { .. } => Reason::BodyTooManyLeaves,
            BodyError::ReservedName(_) => Reason::ReservedName,
        };
        Self::new(reason, &error)
    }
}

impl Failure {
    /// What makes a body of a document that is none: the reason is the body's.
    fn of_body(error: &dyn std::error::Error, body: &BodyError) -> Self {
        Self {
            message: error.to_string(),
            ..body.clone().into()
        }
    }
}

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        let reason = match &error {
            PatchError::Syntax(_) | PatchError::NotAPath { .. } | PatchError::TooMuch(_) => Reason::InvalidPatch,
            PatchError::Body(body) => return Self::of_body(&error, body),
            PatchError::Misfit(_)
            | PatchError::NotAnInteger { .. }
            | PatchError::NotAnArray { .. }
            | PatchError::NoParent { .. } => Reason::PatchMisfit,
        };
        Self::new(reason, &error)
    }
}

impl From<ConvertError> for Failure {
    fn from(error: ConvertError) -> Self {
        Self::new(error.reason(), &error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match &refused {
            Refused::Conflict(report) => {
                let paths = report.conflicts.iter().map(|conflict| conflict.path.as_str());
                let paths = shortened(&paths.collect::<Vec<_>>().join(" "));
                let mut failure = Self::new(Reason::Conflict, &refused)
                    .with("revision", &report.revision)
                    .with("paths", paths);
                failure.report = Some(Box::new(report.as_ref().into()));
                failure
            }
            Refused::NotInConflict { path } | Refused::CannotStand { path } => {
                Self::new(Reason::InvalidResolution, &refused).with("path", shortened(path))
            }
            Refused::NothingInConflict => Self::new(Reason::InvalidResolution, &refused),
            Refused::CounterNotInteger { path } => {
                Self::new(Reason::CounterNotInteger, &refused).with("path", shortened(path))
            }
        }
    }
}

impl Failure {
    fn of_unsure(error: &CommitError) -> Self {
        tracing::error!(%error, "a write failed, and whether it is durable is unknown");
        Self::new(Reason::OutcomeUnknown, error)
    }

    fn over_quota(over: &OverQuota) -> Self {
        let failure = Self::new(Reason::Quota, over).with("database", &over.database);
        let failure = failure.with("used", over.used).with("most", over.most);
        failure.with("of", over.what)
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(refused) => refused.into(),
            CommitError::UnknownDatabase { ref database } | CommitError::DatabaseDeleted { ref database } => {
                Self::new(Reason::DatabaseNotFound, &error).with("database", database)
            }
            CommitError::DatabaseExists { ref database } => {
                Self::new(Reason::DatabaseExists, &error).with("database", database)
            }
            CommitError::ReservedDatabase { ref database } => {
                Self::new(Reason::ReservedName, &error).with("database", database)
            }
            CommitError::VersionMismatch {
                ref database,
                ref version,
            } => Self::new(Reason::VersionMismatch, &error)
                .with("database", database)
                .with("version", version),
            // Only HTTP brings revisions that have their names already.
            CommitError::RevisionsFollow { ref database }
            | CommitError::RulesOfWholeDocuments { ref database }
            | CommitError::DefinitionTooLarge { ref database, .. } => {
                Self::new(Reason::InvalidRule, &error).with("database", database)
            }
            CommitError::ChecksumRequired { ref id } => Self::new(Reason::ChecksumRequired, &error).with("id", id),
            CommitError::DocumentExists { ref id, ref revision } => Self::new(Reason::DocumentExists, &error)
                .with("id", id)
                .with("revision", revision),
            CommitError::DocumentNotFound { ref id } => Self::new(Reason::DocumentNotFound, &error).with("id", id),
            CommitError::RevisionNotKept { ref id, ref revision } => Self::new(Reason::RevisionNotFound, &error)
                .with("id", id)
                .with("revision", revision),
            CommitError::Restore(_) => Self::new(Reason::InvalidResolution, &error),
            CommitError::BaseUnknown { ref id, ref revision } => Self::new(Reason::BaseUnknown, &error)
                .with("id", id)
                .with("revision", revision),
            CommitError::BaseCompacted { ref id, ref revision } => Self::new(Reason::BaseCompacted, &error)
                .with("id", id)
                .with("revision", revision),
            CommitError::ChecksumMismatch {
                ref id,
                ref revision,
                checksum,
            } => Self::new(Reason::ChecksumMismatch, &error)
                .with("id", id)
                .with("revision", revision)
                .with("checksum", checksum),
            CommitError::BatchRefused { place, source } => Self::from(*source).of_batch(place),
            CommitError::DocumentTooLarge { ref id, .. } => Self::new(Reason::DocumentTooLarge, &error).with("id", id),
            CommitError::LocalChanged { ref id, .. } => Self::new(Reason::VersionMismatch, &error).with("id", id),
            CommitError::BatchTooLarge { .. } => Self::new(Reason::InvalidBatch, &error),
            CommitError::BatchArriving => Self::new(Reason::CatchingUp, &error),
            CommitError::Unmatched { ref id } => Self::new(Reason::Unmatched, &error).with("id", id),
            CommitError::NoCandidate { ref path } => {
                Self::new(Reason::InvalidResolution, &error).with("path", shortened(path))
            }
            CommitError::OverQuota(over) => Self::over_quota(&over),
            CommitError::DiskFull { free } => Self::new(Reason::DiskFull, &error).with("free_bytes", free),
            CommitError::Patch(patch) => patch.into(),
            CommitError::ResolvedBody(ref body) => Self::of_body(&error, body),
            CommitError::UnknownPeer { ref peer } => Self::new(Reason::PeerUnknown, &error).with("datacenter", peer),
            CommitError::OwnDatacenter { ref name } => {
                Self::new(Reason::OwnDatacenter, &error).with("datacenter", name)
            }
            CommitError::Overloaded => Self::new(Reason::Overloaded, &error),
            CommitError::ShuttingDown => Self::new(Reason::ShuttingDown, &error),
            CommitError::Unsure(_) | CommitError::Unanswered => Self::of_unsure(&error),
            CommitError::ClockOutOfRange | CommitError::Stopped | CommitError::Store(_) => {
                tracing::error!(%error, "a write failed");
                Self::new(Reason::Storage, &error)
            }
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::UnknownDatabase { ref database } => {
                Self::new(Reason::DatabaseNotFound, &error).with("database", database)
            }
            ReadError::WatchToken(token) => token.into(),
            ReadError::Store(_) => {
                tracing::error!(%error, "a read failed");
                Self::new(Reason::Storage, &error)
            }
        }
    }
}

impl From<Panicked> for Failure {
    fn from(panicked: Panicked) -> Self {
        tracing::error!("a call panicked");
        Self::new(Reason::OutcomeUnknown, &panicked)
    }
}

impl From<PageTokenError> for Failure {
    fn from(error: PageTokenError) -> Self {
        Self::new(Reason::InvalidPageToken, &error)
    }
}

impl From<WatchTokenError> for Failure {
    fn from(error: WatchTokenError) -> Self {
        Self::new(Reason::InvalidWatchToken, &error)
    }
}
