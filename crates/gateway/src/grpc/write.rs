//! A write of one document, as single calls and loads have it in common, and what its options come to.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Checksum, DatabaseName, DocumentId, Dot, VersionVector};
use rejoin_store::{CommitError, Operation, Outcome, Seen, Version, Written};
use tokio::time::Instant;

use super::acknowledgement::{Acknowledgement, Durable};
use super::error::Failure;
use super::session;
use crate::node::NodeContext;

/// The options of a write, checked before anything is written.
pub(super) struct Options<'a> {
    context: &'a NodeContext,
    database: DatabaseName,
    seen: Seen,
    acknowledgement: Option<Acknowledgement>,
}

impl<'a> Options<'a> {
    /// Reads what a client sent with a write, and the call's own `deadline`.
    ///
    /// # Errors
    ///
    /// `INVALID_SESSION`, `SESSION_BEHIND` or `INVALID_ACKNOWLEDGE`.
    pub(super) fn new(
        context: &'a NodeContext,
        database: DatabaseName,
        options: Option<&proto::WriteOptions>,
        deadline: Option<Instant>,
    ) -> Result<Self, Failure> {
        let token = options.map_or(&[][..], |options| &options.session_token[..]);
        let acknowledge = options.and_then(|options| options.acknowledge.as_ref());
        Ok(Self {
            seen: session::before_write(context, &database, token)?,
            acknowledgement: Acknowledgement::new(context, acknowledge, deadline)?,
            context,
            database,
        })
    }

    /// The message for a write that is durable here, once it is acknowledged as the client wants it.
    pub(super) async fn result(&self, written: &Written) -> proto::WriteResult {
        let Durable { durable_in, pending_in } = self.acknowledged(&[written.dot], !written.repeated).await;
        proto::WriteResult {
            session_token: self.token(&written.context),
            durable_in,
            pending_in,
            ..result(written)
        }
    }

    /// Where writes are durable; waits as the client wants it. Of each replica the newest write is enough. `fresh`: they were made by this call.
    async fn acknowledged(&self, newest: &[Dot], fresh: bool) -> Durable {
        match &self.acknowledgement {
            Some(acknowledgement) => acknowledgement.wait(self.context, &self.database, newest, fresh).await,
            None => self.durable_here(),
        }
    }

    fn durable_here(&self) -> Durable {
        Durable {
            durable_in: vec![self.context.store.identity().datacenter.to_string()],
            pending_in: Vec::new(),
        }
    }

    /// The token of the session after it has seen documents with these contexts, joined.
    pub(super) fn token(&self, read: &VersionVector) -> Bytes {
        let has = self.context.store.has_seen(&self.database, &self.seen);
        session::issue(self.context, &self.database, self.seen.clone(), read, has)
    }

    /// The token of the session after it has seen a document as it is by now: at least what the answer tells of it.
    pub(super) fn token_of(&self, id: &DocumentId) -> Bytes {
        self.token(&self.context_of(id))
    }

    /// The writes that a document has incorporated by now.
    pub(super) fn context_of(&self, id: &DocumentId) -> VersionVector {
        let found = self.context.store.get(&self.database, id).ok().flatten();
        found.map(|found| found.context).unwrap_or_default()
    }

    /// Where several writes are durable, and the token of the session after it has seen `read`, which their documents have incorporated.
    pub(super) async fn done(&self, written: &[&Written], read: &VersionVector) -> (Durable, Bytes) {
        let mut newest = VersionVector::new();
        written.iter().for_each(|written| newest.advance(written.dot));
        let newest: Vec<_> = newest.iter().map(|(replica, time)| Dot { time, replica }).collect();
        let fresh = written.iter().all(|written| !written.repeated);
        let durable = if newest.is_empty() {
            self.durable_here()
        } else {
            self.acknowledged(&newest, fresh).await
        };
        (durable, self.token(read))
    }

    /// A refusal, with what the session has seen by it.
    pub(super) fn refused(&self, id: &DocumentId, failure: Failure) -> Failure {
        if failure.tells_of_document() {
            failure.with_session_token(&self.token_of(id))
        } else {
            failure
        }
    }
}

/// Hands a write to the pipeline and waits until it is durable.
///
/// # Errors
///
/// What the pipeline says.
pub(super) async fn submit(context: &NodeContext, operation: Operation) -> Result<Written, CommitError> {
    match context.commits.submit(operation).await? {
        Outcome::Written(written) => Ok(written),
        // The pipeline answers each operation in kind.
        _ => Err(CommitError::Stopped),
    }
}

/// As [`submit`], for a compare-and-swap: what it met instead of what it expects, or the write.
///
/// # Errors
///
/// As for [`submit`].
pub(super) async fn compare(
    context: &NodeContext,
    operation: Operation,
) -> Result<Result<Written, Version>, CommitError> {
    match context.commits.submit(operation).await? {
        Outcome::Written(written) => Ok(Ok(written)),
        Outcome::Unmatched(version) => Ok(Err(version)),
        _ => Err(CommitError::Stopped),
    }
}

/// A conflict that is to be told in the answer, rather than by an error that has no room for it.
///
/// # Errors
///
/// Every other failure.
pub(super) fn answered<T>(
    written: Result<T, Failure>,
    options: Option<&proto::WriteOptions>,
) -> Result<Result<T, proto::WriteError>, Failure> {
    let in_answer = options.is_some_and(|options| options.report_in_answer);
    match written {
        Ok(written) => Ok(Ok(written)),
        Err(failure) if in_answer && failure.has_report() => Ok(Err(failure.into_write_error())),
        Err(failure) => Err(failure),
    }
}

/// The message for one version of a document.
pub(super) fn version(version: &Version) -> proto::Version {
    proto::Version {
        revision: version.revision.to_string(),
        body: version.body.to_json().into(),
        checksum: Checksum::of(&version.body).0,
    }
}

/// The message for a write that is durable here, without what its options add.
pub(super) fn result(written: &Written) -> proto::WriteResult {
    proto::WriteResult {
        revision: written.revision.to_string(),
        dot: Some(written.dot.into()),
        checksum: written.checksum.0,
        merged: written.merged,
        repeated: written.repeated,
        conflicts: u32::try_from(written.conflicts).unwrap_or(u32::MAX),
        made_revision: match written.made == written.revision {
            true => String::new(),
            false => written.made.to_string(),
        },
        ..proto::WriteResult::default()
    }
}
