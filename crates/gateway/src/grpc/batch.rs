//! `WriteBatch`: several writes, all or none, or each for itself.

use rejoin_api::proto::{self, batch_result::Outcome as Kind};
use rejoin_document::DatabaseName;
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
) -> Result<proto::WriteBatchResponse, Failure> {
    let database = request::database(&context.store, &batch.database)?;
    if batch.operations.is_empty() || batch.operations.len() > OPERATIONS_MAX {
        let found = batch.operations.len();
        return Err(Failure::batch(&format!(
            "a batch has 1 to {OPERATIONS_MAX} writes, this one has {found}; split it"
        )));
    }
    action::request_name(batch.options.as_ref(), 0)?;
    if batch.independent {
        independent(context, &database, &batch).await
    } else {
        atomic(context, database, &batch).await
    }
}

async fn atomic(
    context: &NodeContext,
    database: DatabaseName,
    batch: &proto::WriteBatchRequest,
) -> Result<proto::WriteBatchResponse, Failure> {
    let (mut writes, mut previous) = (Vec::with_capacity(batch.operations.len()), Vec::new());
    for (place, operation) in batch.operations.iter().enumerate() {
        let asked = action::of_batch(operation, &context.limits).map_err(|failure| failure.of_batch(place))?;
        previous.push(asked.return_previous);
        let name = action::request_name(batch.options.as_ref(), place)?;
        writes.push(asked.into_request(database.clone(), name));
    }
    let operation = Operation::WriteBatch(WriteBatch { database, writes });
    let Outcome::BatchWritten(written) = context.commits.submit(operation).await? else {
        // The pipeline answers each operation in kind.
        return Err(CommitError::Stopped.into());
    };
    let done = written.iter().zip(previous).zip(&batch.operations);
    let results = done.map(|((written, previous), operation)| stored(operation, written, previous));
    Ok(proto::WriteBatchResponse {
        results: results.collect(),
        ..proto::WriteBatchResponse::default()
    })
}

async fn independent(
    context: &NodeContext,
    database: &DatabaseName,
    batch: &proto::WriteBatchRequest,
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
    for (place, operation) in places.into_iter().zip(&batch.operations) {
        results.push(match place {
            Err(failure) => refused(operation, failure),
            Ok(previous) => match outcomes.next() {
                Some(Ok(Outcome::Written(written))) => stored(operation, &written, previous),
                Some(Ok(Outcome::Unmatched(version))) => proto::BatchResult {
                    outcome: Some(Kind::Unmatched(write::version(&version))),
                    ..result(operation)
                },
                Some(Err(error)) => refused(operation, error.into()),
                Some(Ok(_)) | None => refused(operation, CommitError::Stopped.into()),
            },
        });
    }
    Ok(proto::WriteBatchResponse {
        results,
        ..proto::WriteBatchResponse::default()
    })
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
