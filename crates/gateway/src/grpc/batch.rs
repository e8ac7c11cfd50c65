//! `WriteBatch`: several writes, all or none, or each for itself.

use std::time::Duration;

use rejoin_api::proto::{self, batch_result::Outcome as Kind};
use rejoin_document::{DatabaseName, VersionVector};
use rejoin_store::{CommitError, Operation, Outcome, WriteBatch, Written};

use super::action::{self, Asked};
use super::error::Failure;
use super::{request, write};
use crate::node::NodeContext;

/// Writes of one batch at most.
const OPERATIONS_MAX: usize = 1000;

/// Does the writes of a batch.
///
/// # Errors
///
/// The batch is not well formed, or atomic and refused.
pub(super) async fn write(
    context: &NodeContext,
    batch: proto::WriteBatchRequest,
    deadline: Option<Duration>,
) -> Result<proto::WriteBatchResponse, Failure> {
    let database = request::database(&context.store, &batch.database)?;
    let options = write::Options::new(context, database.clone(), batch.options.as_ref(), deadline)?;
    if batch.operations.is_empty() || batch.operations.len() > OPERATIONS_MAX {
        let found = batch.operations.len();
        let next = if found == 0 { "send at least one" } else { "split it" };
        return Err(Failure::batch(&format!(
            "a batch has 1 to {OPERATIONS_MAX} writes, this one has {found}; {next}"
        )));
    }
    action::request_name(batch.options.as_ref(), 0)?;
    if batch.independent {
        independent(context, &database, &batch, &options).await
    } else {
        atomic(context, database, &batch, &options).await
    }
}

async fn atomic(
    context: &NodeContext,
    database: DatabaseName,
    batch: &proto::WriteBatchRequest,
    options: &write::Options<'_>,
) -> Result<proto::WriteBatchResponse, Failure> {
    let (mut writes, mut previous) = (Vec::with_capacity(batch.operations.len()), Vec::new());
    for (place, operation) in batch.operations.iter().enumerate() {
        let asked = action::of_batch(operation, &context.limits).map_err(|failure| failure.of_batch(place))?;
        previous.push(asked.return_previous);
        let name = action::request_name(batch.options.as_ref(), place)?;
        writes.push(asked.into_request(database.clone(), name));
    }
    let operation = Operation::WriteBatch(WriteBatch { database, writes });
    let outcome = context.commits.submit(operation).await;
    let outcome = outcome.map_err(|error| seen_by(batch, options, error.into()))?;
    let Outcome::BatchWritten(written) = outcome else {
        // The pipeline answers each operation in kind.
        return Err(CommitError::Stopped.into());
    };
    let done = written.iter().zip(previous).zip(&batch.operations);
    let results = done.map(|((written, previous), operation)| stored(operation, written, previous));
    let mut read = VersionVector::new();
    written.iter().for_each(|written| read.merge(&written.context));
    let (durable, session_token) = options.done(&written.iter().collect::<Vec<_>>(), &read).await;
    Ok(proto::WriteBatchResponse {
        results: results.collect(),
        session_token,
        durable_in: durable.durable_in,
        pending_in: durable.pending_in,
        refused: None,
    })
}

async fn independent(
    context: &NodeContext,
    database: &DatabaseName,
    batch: &proto::WriteBatchRequest,
    options: &write::Options<'_>,
) -> Result<proto::WriteBatchResponse, Failure> {
    let mut asked: Vec<Result<Asked, Failure>> = Vec::with_capacity(batch.operations.len());
    for operation in &batch.operations {
        asked.push(action::of_batch(operation, &context.limits));
    }
    let (mut writes, mut places) = (Vec::new(), Vec::new());
    for (place, asked) in asked.into_iter().enumerate() {
        places.push(match asked {
            Ok(asked) => {
                let previous = asked.return_previous;
                let name = action::request_name(batch.options.as_ref(), place)?;
                writes.push(Operation::Write(asked.into_request(database.clone(), name)));
                Ok(previous)
            }
            Err(failure) => Err(failure),
        });
    }
    let mut outcomes = context.commits.submit_all(writes).await.into_iter();
    let mut results = Vec::with_capacity(places.len());
    let (mut stored_writes, mut read) = (Vec::new(), VersionVector::new());
    for (place, operation) in places.into_iter().zip(&batch.operations) {
        results.push(match place {
            Err(failure) => refused(operation, failure),
            Ok(previous) => match outcomes.next() {
                Some(Ok(Outcome::Written(written))) => {
                    read.merge(&written.context);
                    let result = stored(operation, &written, previous);
                    stored_writes.push(written);
                    result
                }
                Some(Ok(Outcome::Unmatched(version))) => {
                    read.merge(&context_of(operation, options));
                    proto::BatchResult {
                        outcome: Some(Kind::Unmatched(write::version(&version))),
                        ..result(operation)
                    }
                }
                Some(Err(error)) => {
                    read.merge(&context_of(operation, options));
                    refused(operation, error.into())
                }
                Some(Ok(_)) | None => refused(operation, CommitError::Stopped.into()),
            },
        });
    }
    let (durable, session_token) = options.done(&stored_writes.iter().collect::<Vec<_>>(), &read).await;
    Ok(proto::WriteBatchResponse {
        results,
        session_token,
        durable_in: durable.durable_in,
        pending_in: durable.pending_in,
        refused: None,
    })
}

/// The writes that the document of one write has incorporated by now.
fn context_of(operation: &proto::BatchOperation, options: &write::Options<'_>) -> VersionVector {
    let id = action::id_of(operation).parse();
    id.map(|id| options.context_of(&id)).unwrap_or_default()
}

/// A refused batch tells of its documents: the session has seen them.
fn seen_by(batch: &proto::WriteBatchRequest, options: &write::Options<'_>, failure: Failure) -> Failure {
    if !failure.tells_of_document() {
        return failure;
    }
    let mut read = VersionVector::new();
    let contexts = batch.operations.iter().map(|operation| context_of(operation, options));
    contexts.for_each(|context| read.merge(&context));
    failure.with_session_token(&options.token(&read))
}

fn result(operation: &proto::BatchOperation) -> proto::BatchResult {
    proto::BatchResult {
        id: action::id_of(operation),
        ..proto::BatchResult::default()
    }
}

fn stored(operation: &proto::BatchOperation, written: &Written, previous: bool) -> proto::BatchResult {
    proto::BatchResult {
        outcome: Some(Kind::Result(write::result(written))),
        previous: written.previous.as_ref().filter(|_| previous).map(write::version),
        ..result(operation)
    }
}

fn refused(operation: &proto::BatchOperation, failure: Failure) -> proto::BatchResult {
    proto::BatchResult {
        outcome: Some(Kind::Error(failure.into_write_error())),
        ..result(operation)
    }
}
